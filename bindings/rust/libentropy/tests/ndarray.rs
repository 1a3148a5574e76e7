//! Arrays and views of ndarray are read and written in place, or refused.

mod common;

use libentropy::{Error, Logits, LogitsMut, Options, Upstream};
use ndarray::{Array, Array1, Array2, Array3, Axis, Dimension, arr0, s};

const VOCAB: usize = 50;

fn array(batch: usize, seq: usize, vocab: usize) -> Array3<f32> {
    Array::from_shape_vec((batch, seq, vocab), common::logits(batch * seq * vocab, 1)).unwrap()
}

/// Each row alone, in the order of rows.
fn row_by_row<D: Dimension>(array: &ndarray::ArrayView<'_, f32, D>) -> Vec<f32> {
    let rows = array.rows().into_iter().map(|row| libentropy::entropy(&row.to_vec(), row.len()).unwrap()[0]);
    rows.collect()
}

#[test]
fn views_keep_their_strides() {
    let z = array(3, 4, VOCAB);
    let entropy = |logits: std::result::Result<Logits<'_, f32>, Error>| logits.unwrap().entropy().unwrap();
    assert_eq!(entropy(Logits::try_from(&z)), row_by_row(&z.view()));
    for view in [
        z.view().permuted_axes([1, 0, 2]),
        z.slice(s![.., ..-1, ..]),
        z.slice(s![..;2, 1..2, 5..]),
        z.slice(s![1.., ..;3, ..-7]),
        z.slice(s![.., .., ..1]),
    ] {
        assert_eq!(entropy(Logits::try_from(&view)), row_by_row(&view));
    }
    let rows: Array2<f32> = z.index_axis(Axis(1), 2).to_owned();
    assert_eq!(entropy(Logits::try_from(&rows)), row_by_row(&rows.view()));
    let skipped = rows.slice(s![..;2, ..]);
    assert_eq!(entropy(Logits::try_from(&skipped)), row_by_row(&skipped));
    let row: Array1<f32> = rows.row(0).to_owned();
    assert_eq!(entropy(Logits::try_from(&row)), row_by_row(&row.view()));
    assert_eq!(entropy(Logits::try_from(&row.clone().into_dyn())), row_by_row(&row.view()));
    assert_eq!(entropy(Logits::try_from(&Array3::<f32>::zeros((2, 0, 5)))), []);
}

#[test]
fn what_the_library_cannot_read_is_refused() {
    let z = array(3, 4, VOCAB);
    let refused = |view: &ndarray::ArrayView3<'_, f32>| Logits::try_from(view).and_then(|z| z.entropy()).unwrap_err();
    assert_eq!(refused(&z.slice(s![.., .., ..;2])), Error::NotContiguous);
    assert_eq!(refused(&z.slice(s![.., .., ..;-1])), Error::NotContiguous);
    assert_eq!(refused(&z.view().permuted_axes([0, 2, 1])), Error::NotContiguous);
    assert_eq!(refused(&z.slice(s![.., ..;-1, ..])), Error::Shape);
    assert_eq!(refused(&z.slice(s![..;-1, .., ..])), Error::Shape);
    assert_eq!(refused(&z.slice(s![..1, ..1, ..]).broadcast((2, 3, VOCAB)).unwrap()), Error::Shape);
    assert_eq!(refused(&z.slice(s![.., .., ..0])), Error::Shape);
    assert_eq!(Logits::try_from(&arr0(1.0_f32)).unwrap_err(), Error::Shape);
    assert_eq!(Logits::try_from(&Array::<f32, _>::zeros((1, 1, 1, 2))).unwrap_err(), Error::Shape);
}

#[test]
fn gradients_are_written_in_place() {
    let z = array(3, 4, VOCAB);
    let grads = [1.0; 3 * 4];
    let mut dense = Array3::<f32>::zeros((4, 3, VOCAB));
    let upstream = Upstream::new().entropy(&grads);
    let transposed = z.view().permuted_axes([1, 0, 2]);
    let logits = Logits::try_from(&transposed).unwrap();
    logits.backward(&Options::new(), upstream, LogitsMut::try_from(&mut dense).unwrap()).unwrap();

    let mut padded = Array3::<f32>::from_elem((4, 3, VOCAB + 3), 9.0);
    padded.slice_mut(s![.., .., ..VOCAB]).assign(&transposed);
    let mut view = padded.slice_mut(s![.., .., ..VOCAB]);
    LogitsMut::try_from(&mut view).unwrap().backward_in_place(&Options::new(), upstream).unwrap();
    assert_eq!(view, dense);
    assert!(dense.iter().all(|g| g.abs() > 0.0));
    assert!(padded.slice(s![.., .., VOCAB..]).iter().all(|&g| g == 9.0));

    let mut wrong = dense.slice_mut(s![.., .., ..;2]);
    assert_eq!(LogitsMut::try_from(&mut wrong).unwrap_err(), Error::NotContiguous);
}
