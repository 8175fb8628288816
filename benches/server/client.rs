//! A client that asks and waits, and one that fills.
//!
//! Uses the crate's protocol and the standard library. Invariant: a reply that is not what was to come ends the run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Mutex;

/// Those who read and write beside the workload.
pub(crate) trait Callers: Sync {
    fn read_living(&self, number: u64) -> Option<Vec<u8>>;
    fn write_living(&self, number: u64, value: &[u8]);
}

/// A connection.
pub(crate) struct Client {
    stream: Mutex<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
        stream.set_nodelay(true).expect("no delay");
        Self { stream: Mutex::new(BufReader::new(stream)) }
    }

    /// Sends requests and reads as many replies, each a line or bytes.
    pub(crate) fn ask(&self, requests: &[u8], replies: usize) -> Vec<Option<Vec<u8>>> {
        let mut stream = self.stream.lock().expect("nobody failed");
        stream.get_mut().write_all(requests).expect("send");
        (0..replies).map(|_| reply(&mut stream)).collect()
    }
}

fn reply(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a reply");
    let line = line.trim_end();
    let (mark, rest) = line.split_at(1);
    match mark {
        "+" | ":" => Some(rest.as_bytes().to_vec()),
        "$" if rest == "-1" => None,
        "$" => {
            let mut bytes = vec![0; rest.parse::<usize>().expect("a length") + 2];
            stream.read_exact(&mut bytes).expect("bytes");
            bytes.truncate(bytes.len() - 2);
            Some(bytes)
        }
        _ => panic!("the server says: {line}"),
    }
}

/// Appends a request.
pub(crate) fn request(out: &mut Vec<u8>, words: &[impl AsRef<[u8]>]) {
    windrow::resp::write_command(out, words);
}

impl Callers for Client {
    fn read_living(&self, number: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        request(&mut bytes, &["GET", &format!("living:{number}")]);
        self.ask(&bytes, 1).pop().flatten()
    }

    fn write_living(&self, number: u64, value: &[u8]) {
        let (mut bytes, key) = (Vec::new(), format!("living:{number}"));
        request(&mut bytes, &[b"SET".as_slice(), key.as_bytes(), value]);
        assert_eq!(self.ask(&bytes, 1), [Some(b"OK".to_vec())]);
    }
}
