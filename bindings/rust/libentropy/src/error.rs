use std::ffi::c_int;
use std::fmt;

use libentropy_sys as sys;

/// Why a call was refused. It has written nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// An array that is needed was not given: targets, where something about their log-probability is wanted.
    Null,
    /// A vocabulary of 0, rows that do not divide the logits, strides that cannot be, or rows of a gradient that
    /// overlap.
    Shape,
    /// A temperature outside [2^-64, 2^64], a target outside the vocabulary, or what is not a state.
    Value,
    /// An instruction set that does not exist, or not on this machine.
    Isa,
    /// Memory that was needed could not be had.
    NoMemory,
    /// An array whose length does not fit the logits.
    Length {
        /// What the array is for, by the name of the method that took it.
        array: &'static str,
        /// The length that fits.
        expected: usize,
        /// The length that it has.
        actual: usize,
    },
    /// The last axis of an array, on which a row lies, is not contiguous.
    NotContiguous,
    /// A status that this version of the crate does not know.
    Unknown(i32),
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What a status of the library means.
    pub(crate) fn check(status: c_int) -> Result<()> {
        match status {
            sys::ENTROPY_OK => Ok(()),
            sys::ENTROPY_ERR_NULL => Err(Error::Null),
            sys::ENTROPY_ERR_SHAPE => Err(Error::Shape),
            sys::ENTROPY_ERR_VALUE => Err(Error::Value),
            sys::ENTROPY_ERR_ISA => Err(Error::Isa),
            sys::ENTROPY_ERR_NOMEM => Err(Error::NoMemory),
            unknown => Err(Error::Unknown(unknown)),
        }
    }

    pub(crate) fn check_length(array: &'static str, actual: usize, expected: usize) -> Result<()> {
        if actual == expected { Ok(()) } else { Err(Error::Length { array, expected, actual }) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match *self {
            Error::Length { array, expected, actual } => {
                return write!(f, "{array} has {actual} elements where the logits need {expected}");
            }
            Error::NotContiguous => return f.write_str("the last axis is not contiguous"),
            Error::Null => sys::ENTROPY_ERR_NULL,
            Error::Shape => sys::ENTROPY_ERR_SHAPE,
            Error::Value => sys::ENTROPY_ERR_VALUE,
            Error::Isa => sys::ENTROPY_ERR_ISA,
            Error::NoMemory => sys::ENTROPY_ERR_NOMEM,
            Error::Unknown(status) => status,
        };
        // SAFETY: the library returns a string that is never freed, whatever the number.
        f.write_str(unsafe { crate::string(sys::entropy_strerror(status)) })
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_an_error_of_its_own() {
        let errors = [-6, -5, -4, -3, -2, -1, 7].map(|status| Error::check(status).unwrap_err());
        let expected = [
            Error::Unknown(-6),
            Error::NoMemory,
            Error::Isa,
            Error::Value,
            Error::Shape,
            Error::Null,
            Error::Unknown(7),
        ];
        assert_eq!(errors, expected);
        assert_eq!(Error::check(0), Ok(()));
    }
}
