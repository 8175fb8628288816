//! A stream to a client, of either kind.
//!
//! Uses `tokio`. Invariant: nothing here waits but [`Socket::ready`] and [`Socket::read`].

use std::io;
use std::os::fd::AsRawFd;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Waits until it can be read or written.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Tcp(stream) => stream.ready(interest).await,
            Self::Unix(stream) => stream.ready(interest).await,
        }
    }

    /// Its number, and whether it is a Unix socket.
    pub(crate) fn kind(&self) -> (i32, bool) {
        match self {
            Self::Tcp(stream) => (stream.as_raw_fd(), false),
            Self::Unix(stream) => (stream.as_raw_fd(), true),
        }
    }

    /// Waits until there is something, and appends it as far as there is room; 0 bytes are the end. Nothing is lost if the wait is
    /// given up.
    ///
    /// WHY not [`Socket::ready`] and [`Socket::try_read`]: a try that takes all there is does not remember that it did, so that the next
    /// one is a system call for nothing, for each request of a client that waits for its replies.
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Unix(stream) => stream.read_buf(buffer).await,
        }
    }

    /// Appends what is there, as far as there is room; 0 bytes are the end.
    pub(crate) fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_buf(buffer),
            Self::Unix(stream) => stream.try_read_buf(buffer),
        }
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }
}
