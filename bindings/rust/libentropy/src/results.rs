use libentropy_sys as sys;

use crate::{Error, Result};

/// Which results are wanted, and where they go: each an array with an element for every row.
#[derive(Debug, Default)]
pub struct Results<'a> {
    entropy: Option<&'a mut [f32]>,
    varentropy: Option<&'a mut [f32]>,
    logsumexp: Option<&'a mut [f32]>,
    max_logit: Option<&'a mut [f32]>,
    max_logprob: Option<&'a mut [f32]>,
    target_logprob: Option<&'a mut [f32]>,
    argmax: Option<&'a mut [i64]>,
    support: Option<&'a mut [i64]>,
}

macro_rules! results {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {
        $(
            $(#[$doc])*
            pub fn $name(mut self, out: &'a mut [$type]) -> Self {
                self.$name = Some(out);
                self
            }
        )*

        /// Sets the members of `args` that are results. They are valid as long as `'a`.
        pub(crate) fn write_to(self, args: &mut sys::entropy_args, rows: usize) -> Result<()> {
            $(
                if let Some(out) = self.$name {
                    Error::check_length(stringify!($name), out.len(), rows)?;
                    args.$name = out.as_mut_ptr();
                }
            )*
            Ok(())
        }
    };
}

impl<'a> Results<'a> {
    /// Nothing is wanted yet.
    pub fn new() -> Self {
        Self::default()
    }

    results! {
        /// The entropy H = -sum p log p, in nats. NaN where nothing takes part, or a NaN or +inf does.
        entropy: f32,
        /// The varentropy sum p (log p + H)^2, in nats^2.
        varentropy: f32,
        /// log sum exp(z / T).
        logsumexp: f32,
        /// The largest logit that takes part, as given.
        max_logit: f32,
        /// The log-probability of the largest logit.
        max_logprob: f32,
        /// The log-probability of the target; 0 where it is negative.
        target_logprob: f32,
        /// The lowest index of the largest logit; -1 where nothing takes part.
        argmax: i64,
        /// How many tokens take part.
        support: i64,
    }
}

/// The gradients of a loss with respect to the results, each with an element for every row. One not named is 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upstream<'a> {
    entropy: Option<&'a [f32]>,
    logsumexp: Option<&'a [f32]>,
    target_logprob: Option<&'a [f32]>,
    results: Option<[&'a [f32]; 3]>,
}

impl<'a> Upstream<'a> {
    /// All gradients are 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// dL / d(entropy).
    pub fn entropy(mut self, gradient: &'a [f32]) -> Self {
        self.entropy = Some(gradient);
        self
    }

    /// dL / d(logsumexp).
    pub fn logsumexp(mut self, gradient: &'a [f32]) -> Self {
        self.logsumexp = Some(gradient);
        self
    }

    /// dL / d(target_logprob).
    pub fn target_logprob(mut self, gradient: &'a [f32]) -> Self {
        self.target_logprob = Some(gradient);
        self
    }

    /// Saves a sweep: what [`Logits::forward`](crate::Logits::forward) wrote, or, for a shard of a vocabulary, the
    /// results of the whole row. The gradient's bits are the same.
    pub fn results(mut self, entropy: &'a [f32], max_logit: &'a [f32], max_logprob: &'a [f32]) -> Self {
        self.results = Some([entropy, max_logit, max_logprob]);
        self
    }

    /// Sets the members of `args` and `grads` that belong to it. They are valid as long as `'a`.
    pub(crate) fn write_to(
        self,
        args: &mut sys::entropy_args,
        grads: &mut sys::entropy_grads,
        rows: usize,
    ) -> Result<()> {
        let pointer = |name: &'static str, array: &'a [f32]| {
            Error::check_length(name, array.len(), rows)?;
            Ok(array.as_ptr())
        };
        if let Some(gradient) = self.entropy {
            grads.entropy = pointer("entropy", gradient)?;
        }
        if let Some(gradient) = self.logsumexp {
            grads.logsumexp = pointer("logsumexp", gradient)?;
        }
        if let Some(gradient) = self.target_logprob {
            grads.target_logprob = pointer("target_logprob", gradient)?;
        }
        if let Some(results) = self.results {
            let [entropy, max_logit, max_logprob] = results;
            args.entropy = pointer("results", entropy)?.cast_mut();
            args.max_logit = pointer("results", max_logit)?.cast_mut();
            args.max_logprob = pointer("results", max_logprob)?.cast_mut();
        }
        Ok(())
    }
}
