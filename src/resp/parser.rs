//! Requests out of bytes that come in pieces.
//!
//! What lives here: the parser and its limits. It may use the errors.
//!
//! INVARIANT: a byte is looked at a bounded number of times; after an error there are no more requests.

use bytes::{Buf, Bytes, BytesMut};

use super::RespError;

/// What a parser takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most words of a request.
    pub max_words: usize,
    /// The longest word, in bytes.
    pub max_word_bytes: usize,
    /// The longest line, in bytes: a length, or a request that is one.
    pub max_line_bytes: usize,
}

impl Default for Limits {
    /// Those of Redis: a million words, of 512 MiB each at most, and lines of 64 KiB.
    fn default() -> Self {
        Self { max_words: 1024 * 1024, max_word_bytes: 512 << 20, max_line_bytes: 64 * 1024 }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The words of a command; none for an empty one, which a server passes over.
    Command(Vec<Bytes>),
    /// A line that is no array, without its end: an inline command ([`split_line`](super::split_line) finds its words), or a note
    /// in an append-only file.
    Line(Bytes),
}

/// Takes bytes and gives requests.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    is_restricted: bool,
    buffer: BytesMut,
    /// How far the buffer holds no end of a line.
    searched: usize,
    open: Option<Open>,
    /// How many bytes were taken off the buffer.
    taken: u64,
    /// The same at the end of the last whole request.
    whole: u64,
    failure: Option<RespError>,
}

/// A command of which some words are still to come.
#[derive(Debug)]
struct Open {
    words: Vec<Bytes>,
    left: usize,
    /// The length of the next word, once that has come.
    length: Option<usize>,
}

/// Words for which there is room from the beginning: more than most commands have, and little for a lie.
const FIRST_WORDS: usize = 8;

/// The most words of a restricted client's request: enough for any way to say who it is.
const RESTRICTED_WORDS: usize = 10;

/// The longest word of a restricted client.
const RESTRICTED_WORD_BYTES: usize = 16 * 1024;

impl Parser {
    /// Makes a parser that was fed nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let buffer = BytesMut::new();
        Self { limits, is_restricted: false, buffer, searched: 0, open: None, taken: 0, whole: 0, failure: None }
    }

    /// Takes from now on only what a client may send that has not said who it is: 10 words of 16 KiB. Or no longer.
    pub fn restrict(&mut self, is_restricted: bool) {
        self.is_restricted = is_restricted;
    }

    /// Takes what came. Costs a copy.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where what comes can be appended without a copy. Only append.
    pub fn room(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next request, `None` if more bytes are needed for one. Ask until then before more is fed: memory is held for what was
    /// fed and not asked for.
    ///
    /// # Errors
    /// The bytes are no request, or one beyond the limits; the same again from then on.
    pub fn next_request(&mut self) -> Result<Option<Request>, RespError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let request = self.advance();
        match &request {
            Err(failure) => self.failure = Some(*failure),
            Ok(Some(_)) => self.whole = self.taken,
            Ok(None) => {}
        }
        request
    }

    /// How many bytes belong to the requests that were given.
    #[must_use]
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// How many bytes are held for requests that were not given yet.
    #[must_use]
    pub fn held(&self) -> u64 {
        let waiting = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        (self.taken - self.whole).saturating_add(waiting)
    }

    /// Whether a request has begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.open.is_some() || !self.buffer.is_empty()
    }

    fn advance(&mut self) -> Result<Option<Request>, RespError> {
        loop {
            let Some(open) = &self.open else {
                match self.begin()? {
                    Begun::Command => continue,
                    Begun::Whole(request) => return Ok(Some(request)),
                    Begun::Nothing => return Ok(None),
                }
            };
            if let Some(length) = open.length {
                let Some(word) = self.word(length)? else { return Ok(None) };
                if let Some(words) = self.add(word) {
                    return Ok(Some(Request::Command(words)));
                }
            } else {
                let Some(length) = self.length()? else { return Ok(None) };
                self.open.iter_mut().for_each(|open| open.length = Some(length));
            }
        }
    }

    /// Reads the first line of a request.
    fn begin(&mut self) -> Result<Begun, RespError> {
        let is_command = match self.buffer.first() {
            None => return Ok(Begun::Nothing),
            Some(mark) => *mark == b'*',
        };
        let too_long = if is_command { RespError::LongCount } else { RespError::LongLine };
        let Some(end) = self.line(too_long)? else { return Ok(Begun::Nothing) };
        if !is_command {
            let mut line = self.take(end + 1);
            line.truncate(end);
            let length = line.strip_suffix(b"\r").unwrap_or(&line).len();
            line.truncate(length);
            return Ok(Begun::Whole(Request::Line(line)));
        }
        let count = self.number(end).ok_or(RespError::Count)?;
        // Below zero it has none, as in Redis.
        let left = usize::try_from(count).unwrap_or(0);
        if left > self.limits.max_words {
            return Err(RespError::Count);
        }
        if self.is_restricted && left > RESTRICTED_WORDS {
            return Err(RespError::UnauthenticatedCount);
        }
        self.skip(end + 1);
        if left == 0 {
            return Ok(Begun::Whole(Request::Command(Vec::new())));
        }
        self.open = Some(Open { words: Vec::with_capacity(left.min(FIRST_WORDS)), left, length: None });
        Ok(Begun::Command)
    }

    /// Reads the line that tells a word's length.
    fn length(&mut self) -> Result<Option<usize>, RespError> {
        let Some(end) = self.line(RespError::LongLength)? else { return Ok(None) };
        match self.buffer.first() {
            Some(b'$') => {}
            other => return Err(RespError::NoWord(other.copied().unwrap_or_default())),
        }
        let length = self.number(end).and_then(|length| usize::try_from(length).ok()).ok_or(RespError::Length)?;
        if length > self.limits.max_word_bytes {
            return Err(RespError::Length);
        }
        if self.is_restricted && length > RESTRICTED_WORD_BYTES {
            return Err(RespError::UnauthenticatedLength);
        }
        self.skip(end + 1);
        Ok(Some(length))
    }

    /// Finds the end of the line with which the buffer begins.
    fn line(&mut self, too_long: RespError) -> Result<Option<usize>, RespError> {
        let new = self.buffer.get(self.searched..).unwrap_or_default();
        let end = new.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        if end.unwrap_or(self.buffer.len()) > self.limits.max_line_bytes {
            return Err(too_long);
        }
        if end.is_none() {
            self.searched = self.buffer.len();
        }
        Ok(end)
    }

    /// The number between the mark and the end of a line, which must be a whole one.
    fn number(&self, end: usize) -> Option<i64> {
        let digits = self.buffer.get(1..end)?.strip_suffix(b"\r")?;
        let is_plain = digits.first().is_some_and(|first| *first != b'+');
        std::str::from_utf8(digits).ok().filter(|_| is_plain)?.parse().ok()
    }

    /// Takes a word of this length off the buffer, and what ends it.
    fn word(&mut self, length: usize) -> Result<Option<Bytes>, RespError> {
        let whole = length.saturating_add(2);
        if self.buffer.len() < whole {
            return Ok(None);
        }
        if self.buffer.get(length..whole) != Some(b"\r\n".as_slice()) {
            return Err(RespError::NoEnd);
        }
        let word = self.take(length);
        self.skip(2);
        Ok(Some(word))
    }

    fn take(&mut self, bytes: usize) -> Bytes {
        self.searched = 0;
        self.taken = self.taken.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.buffer.split_to(bytes.min(self.buffer.len())).freeze()
    }

    fn skip(&mut self, bytes: usize) {
        self.searched = 0;
        self.taken = self.taken.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.buffer.advance(bytes.min(self.buffer.len()));
    }

    /// Adds a word; returns all of them if it was the last.
    fn add(&mut self, word: Bytes) -> Option<Vec<Bytes>> {
        let open = self.open.as_mut()?;
        open.words.push(word);
        open.left -= 1;
        open.length = None;
        if open.left > 0 {
            return None;
        }
        self.open.take().map(|open| open.words)
    }
}

/// What the first line of a request was.
enum Begun {
    /// Nothing yet: it has not come.
    Nothing,
    /// The number of words, which follow.
    Command,
    /// All of it.
    Whole(Request),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { max_words: 3, max_word_bytes: 10, max_line_bytes: 20 }
    }

    /// What is read of bytes that come in pieces of this length, and the failure.
    fn read(bytes: &[u8], step: usize) -> (Vec<Request>, Option<RespError>) {
        let mut parser = Parser::new(limits());
        let mut found = Vec::new();
        for piece in bytes.chunks(step) {
            parser.feed(piece);
            loop {
                match parser.next_request() {
                    Ok(Some(request)) => found.push(request),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error)),
                }
            }
        }
        (found, None)
    }

    fn command(words: &[&'static str]) -> Request {
        Request::Command(words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect())
    }

    #[test]
    fn requests_are_the_same_however_they_come() {
        let bytes = b"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n#TS:1\r\nPING\n*0\r\n*-1\r\n*1\r\n$0\r\n\r\n";
        let line = |text: &'static str| Request::Line(Bytes::from_static(text.as_bytes()));
        let none = || Request::Command(Vec::new());
        let expected = vec![command(&["GET", "\r\n"]), line("#TS:1"), line("PING"), none(), none(), command(&[""])];
        for step in 1..bytes.len() {
            assert_eq!(read(bytes, step), (expected.clone(), None), "in pieces of {step}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        crate::resp::write_command(&mut bytes, &["SET", "", "a\r\n"]);
        assert_eq!(read(&bytes, 100).0, [command(&["SET", "", "a\r\n"])]);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (long, long_count) = ([b'a'; 21], [b'*'; 21]);
        let cases: [(&[u8], RespError); 11] = [
            (b"*4\r\n", RespError::Count),
            (b"*1\r\n$11\r\n", RespError::Length),
            (b"*1\r\n$99999999999999999999\r\n", RespError::LongLength),
            (&long, RespError::LongLine),
            (&long_count, RespError::LongCount),
            (b"*1\n", RespError::Count),
            (b"*+1\r\n", RespError::Count),
            (b"*1\r\n:1\r\n", RespError::NoWord(b':')),
            (b"*1\r\n\r\n", RespError::NoWord(b'\r')),
            (b"*1\r\n$-1\r\n", RespError::Length),
            (b"*1\r\n$1\r\nab\r\n", RespError::NoEnd),
        ];
        for (bytes, error) in cases {
            for step in [1, 100] {
                assert_eq!(read(bytes, step), (vec![], Some(error)), "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn who_has_not_said_who_he_is_may_send_little() {
        let refused = |bytes: &[u8]| {
            let mut parser = Parser::new(Limits::default());
            parser.restrict(true);
            parser.feed(bytes);
            parser.next_request()
        };
        assert_eq!(refused(b"*11\r\n"), Err(RespError::UnauthenticatedCount));
        assert_eq!(refused(b"*1\r\n$16385\r\n"), Err(RespError::UnauthenticatedLength));
        assert_eq!(refused(b"*10\r\n$16384\r\n"), Ok(None));
    }

    #[test]
    fn what_is_whole_is_told_and_a_failure_stays() {
        let mut parser = Parser::new(limits());
        parser.feed(b"*1\r\n$1\r\na\r\n*1\r\n");
        assert_eq!(parser.next_request(), Ok(Some(command(&["a"]))));
        assert_eq!(parser.next_request(), Ok(None));
        assert_eq!((parser.whole(), parser.held(), parser.is_inside()), (11, 4, true));
        parser.feed(b"x\r\n");
        let error = parser.next_request().unwrap_err();
        parser.feed(b"*1\r\n$1\r\na\r\n");
        assert_eq!(parser.next_request(), Err(error));
        assert_eq!(parser.whole(), 11);
    }

    #[test]
    fn nothing_is_reserved_for_what_is_claimed() {
        let mut parser = Parser::new(Limits::default());
        parser.feed(b"*1000000\r\n$500000000\r\na");
        assert_eq!(parser.next_request(), Ok(None));
        assert!(parser.buffer.capacity() < 1000);
        assert!(parser.open.unwrap().words.capacity() <= FIRST_WORDS);
    }
}
