//! What holds for any bytes: they give the same requests and the same refusal at once and in pieces, and what they give is given
//! again by what it is written as.
//!
//! Uses the crate's `resp` alone, as the fuzz target includes it.

use bytes::Bytes;
use windrow::resp::{Limits, Parser, Request, RespError, split_line, write_command};

/// Smaller than usual, so that short inputs meet them.
const LIMITS: Limits = Limits { max_words: 300, max_word_bytes: 5000, max_line_bytes: 200 };

#[allow(unreachable_pub, reason = "the fuzz target includes this file as a public module")]
/// Checks all that holds for these bytes. Panics if it does not.
pub fn all(bytes: &[u8]) {
    for is_restricted in [false, true] {
        let whole = read(bytes, &[bytes.len().max(1)], is_restricted);
        for steps in [&[1][..], &[2, 3, 5], &[7], &[64], &[1, 100]] {
            assert_eq!(read(bytes, steps, is_restricted), whole, "in pieces of {steps:?}");
        }
        // Cut in two, at each of the first places.
        for place in 1..bytes.len().min(64) {
            assert_eq!(read(bytes, &[place, bytes.len()], is_restricted), whole, "cut at {place}");
        }
        let commands: Vec<Vec<Bytes>> = whole.0.into_iter().filter_map(words).collect();
        let mut written = Vec::new();
        commands.iter().for_each(|words| write_command(&mut written, words));
        let again = read(&written, &[written.len().max(1)], false);
        assert_eq!(again.1, None, "what was written is refused");
        assert_eq!(again.0.into_iter().filter_map(words).collect::<Vec<_>>(), commands);
    }
}

/// What is read of bytes that come in pieces of these lengths, over and over; and the refusal.
fn read(bytes: &[u8], steps: &[usize], is_restricted: bool) -> (Vec<Request>, Option<RespError>) {
    let mut parser = Parser::new(LIMITS);
    parser.restrict(is_restricted);
    let (mut found, mut rest, mut steps) = (Vec::new(), bytes, steps.iter().cycle());
    loop {
        loop {
            match parser.next_request() {
                Ok(Some(request)) => found.push(request),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        if rest.is_empty() {
            let given = parser.whole() + parser.held();
            assert_eq!(given, bytes.len() as u64, "every byte was given or is held");
            return (found, None);
        }
        let step = steps.next().copied().unwrap_or(1).min(rest.len());
        let (piece, behind) = rest.split_at(step);
        parser.feed(piece);
        rest = behind;
    }
}

/// The words of a request, if it has some and they can be told apart.
fn words(request: Request) -> Option<Vec<Bytes>> {
    let words = match request {
        Request::Command(words) => words,
        Request::Line(line) => {
            let words = split_line(&line).ok()?;
            assert!(words.iter().map(Bytes::len).sum::<usize>() <= line.len(), "words longer than their line");
            words
        }
    };
    // A line may have more words than a request in the other form may.
    (!words.is_empty() && words.len() <= LIMITS.max_words).then_some(words)
}
