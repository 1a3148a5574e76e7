use libentropy_sys as sys;

use crate::{Error, Result};

/// How logits are read. What is not named is not used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    temperature: Option<f32>,
    temperatures: Option<&'a [f32]>,
    targets: Option<&'a [i64]>,
    row_mask: Option<&'a [bool]>,
    allowed: Option<(&'a [u32], usize)>,
    num_threads: usize,
}

impl<'a> Options<'a> {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the logits are divided by, in [2^-64, 2^64].
    pub fn temperature(mut self, temperature: f32) -> Self {
        (self.temperature, self.temperatures) = (Some(temperature), None);
        self
    }

    /// A temperature for every row.
    pub fn temperatures(mut self, temperatures: &'a [f32]) -> Self {
        (self.temperature, self.temperatures) = (None, Some(temperatures));
        self
    }

    /// For every row the token whose log-probability is wanted; negative: this row has none.
    pub fn targets(mut self, targets: &'a [i64]) -> Self {
        self.targets = Some(targets);
        self
    }

    /// For every row whether it is looked at. The results of one that is not are 0.
    pub fn row_mask(mut self, row_mask: &'a [bool]) -> Self {
        self.row_mask = Some(row_mask);
        self
    }

    /// Which tokens take part, in every row: those i for which bit i % 32 of word i / 32 is set.
    pub fn allowed(self, mask: &'a [u32]) -> Self {
        self.allowed_rows(mask, 0)
    }

    /// Such a mask for every row, with `stride` words from one to the next; 0: one mask for all rows.
    pub fn allowed_rows(mut self, masks: &'a [u32], stride: usize) -> Self {
        self.allowed = Some((masks, stride));
        self
    }

    /// How many threads a call may use at most; 0: [`num_threads`](crate::num_threads).
    pub fn num_threads(mut self, n: usize) -> Self {
        self.num_threads = n;
        self
    }

    /// Sets the members of `args` that belong to the options, whose shape is there. They are valid as long as `self`.
    pub(crate) fn write_to(&self, args: &mut sys::entropy_args) -> Result<()> {
        let rows = args.batch * args.seq;
        if let Some(temperatures) = self.temperatures {
            Error::check_length("temperatures", temperatures.len(), rows)?;
            (args.temperature, args.temperature_stride) = (temperatures.as_ptr(), 1);
        } else if let Some(temperature) = &self.temperature {
            args.temperature = temperature;
        }
        if let Some(targets) = self.targets {
            Error::check_length("targets", targets.len(), rows)?;
            args.target = targets.as_ptr();
        }
        if let Some(row_mask) = self.row_mask {
            Error::check_length("row_mask", row_mask.len(), rows)?;
            args.row_mask = row_mask.as_ptr().cast();
        }
        if let Some((masks, stride)) = self.allowed {
            if rows > 0 {
                // All but the last mask are followed by what is between masks; the last may be.
                let last = (rows - 1).checked_mul(stride).ok_or(Error::Shape)?;
                let words = args.vocab.div_ceil(32);
                let most = last.saturating_add(words.max(stride));
                let least = last.saturating_add(words);
                Error::check_length("allowed", masks.len(), masks.len().clamp(least, most))?;
            }
            (args.allowed, args.allowed_stride) = (masks.as_ptr(), stride);
        }
        args.num_threads = self.num_threads.try_into().map_err(|_| Error::Value)?;
        Ok(())
    }
}
