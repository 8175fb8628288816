//! Why an append-only file cannot be read on.
//!
//! What lives here: the errors of the room. INVARIANT: an error names the fault, and carries nothing of the values.

use crate::resp::RespError;

/// Why an append-only file cannot be read on, and how far it was good.
#[derive(Debug, thiserror::Error)]
#[error("at byte {offset}: {source}")]
pub struct AofError {
    /// How many bytes of whole commands stand before.
    pub offset: u64,
    /// What is wrong there.
    pub source: AofFault,
}

/// What is wrong with an append-only file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AofFault {
    /// The input could not be read.
    #[error("the input cannot be read: {0}")]
    Io(#[source] std::io::Error),
    /// The bytes are no command.
    #[error("{0}")]
    Resp(#[source] RespError),
    /// The bytes mean nothing here.
    #[error("{0}")]
    Corrupt(&'static str),
}
