use std::marker::PhantomData;

use ndarray::{ArrayBase, Data, DataMut, Dimension};

use crate::logits::Layout;
use crate::{Error, Logit, Logits, LogitsMut, Result};

/// Of an array of one, two or three axes, of which the last is the vocabulary.
fn layout(shape: &[usize], strides: &[isize]) -> Result<Layout> {
    let (Some((&vocab, shape)), Some((&step, strides))) = (shape.split_last(), strides.split_last()) else {
        return Err(Error::Shape);
    };
    if vocab > 1 && step != 1 && !shape.contains(&0) {
        return Err(Error::NotContiguous);
    }
    match (shape, strides) {
        (&[], &[]) => Layout::of_parts([1, 1, vocab], [None, None]),
        (&[rows], &[stride]) => Layout::of_parts([1, rows, vocab], [None, Some(stride)]),
        (&[batch, seq], &[outer, inner]) => Layout::of_parts([batch, seq, vocab], [Some(outer), Some(inner)]),
        _ => Err(Error::Shape),
    }
}

/// Needs the feature `ndarray`. An array of one, two or three axes, of which the last is the vocabulary and contiguous;
/// views with strides are not copied.
///
/// ```
/// use libentropy::Logits;
/// use ndarray::{Array3, s};
///
/// let logits = Array3::<f32>::zeros((2, 4, 8));
/// let entropy = Logits::try_from(&logits.slice(s![.., ..-1, ..5]))?.entropy()?;
/// assert_eq!(entropy, [5.0_f32.ln(); 2 * 3]);
/// # Ok::<(), libentropy::Error>(())
/// ```
impl<'a, T: Logit, S: Data<Elem = T>, D: Dimension> TryFrom<&'a ArrayBase<S, D>> for Logits<'a, T> {
    type Error = Error;

    fn try_from(array: &'a ArrayBase<S, D>) -> Result<Self> {
        let layout = layout(array.shape(), array.strides())?;
        Ok(Self { data: array.as_ptr(), layout, borrowed: PhantomData })
    }
}

/// Needs the feature `ndarray`. As [`Logits`].
impl<'a, T: Logit, S: DataMut<Elem = T>, D: Dimension> TryFrom<&'a mut ArrayBase<S, D>> for LogitsMut<'a, T> {
    type Error = Error;

    fn try_from(array: &'a mut ArrayBase<S, D>) -> Result<Self> {
        let layout = layout(array.shape(), array.strides())?;
        Ok(Self { data: array.as_mut_ptr(), layout, borrowed: PhantomData })
    }
}
