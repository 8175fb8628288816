//! Why bytes are no value that can be read.
//!
//! What lives here: the one error type of the room. It may use nothing else of the crate.
//!
//! INVARIANT: an error names the fault, and carries nothing of the value.

/// Bytes that are no value that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RdbError {
    /// The input could not be read.
    #[error("the input cannot be read: {0}")]
    Io(#[source] std::io::Error),
    /// The bytes end too early.
    #[error("the bytes end within {0}")]
    Truncated(&'static str),
    /// The bytes contradict themselves, or mean nothing.
    #[error("{0}")]
    Corrupt(&'static str),
    /// Something is longer than the reader was told to take.
    #[error("{what} has {bytes} bytes, where {limit} are allowed")]
    TooLarge {
        /// What is too long.
        what: &'static str,
        /// How long it says it is.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
    /// A value of a type that is known and not supported.
    #[error("the value is {name} (RDB type {number}), which is not supported")]
    Unsupported {
        /// The type's byte.
        number: u8,
        /// What it stands for.
        name: &'static str,
    },
    /// A byte that stands for no type that Redis 7.0 knows.
    #[error("RDB type {0} is unknown to Redis 7.0")]
    UnknownType(u8),
    /// A payload of a later version of the format.
    #[error("the payload has RDB version {0}, and {limit} is the last that is read", limit = super::RDB_VERSION)]
    Version(u16),
    /// The checksum is not that of the bytes.
    #[error("checksum {stored:#018x} is stored, {computed:#018x} is right")]
    Checksum {
        /// The checksum in the footer.
        stored: u64,
        /// The checksum of the payload's bytes.
        computed: u64,
    },
}
