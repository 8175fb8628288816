//! Replies, and how both versions of the protocol write them.
//!
//! What lives here: the one type of all replies. INVARIANT: every frame has a form in both versions; a text never breaks its line.

use std::borrow::Cow;

use bytes::Bytes;

use super::{digits, header, write_double};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// What every client speaks that has not said otherwise.
    #[default]
    Two,
    /// With types of its own for maps, sets, doubles and others; `HELLO 3` asks for it.
    Three,
}

/// A reply, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A short text of the server.
    Simple(Cow<'static, str>),
    /// An error: its code, a space, and words.
    Error(Cow<'static, str>),
    /// An integer.
    Integer(i64),
    /// Bytes.
    Bulk(Bytes),
    /// Nothing, where bytes would be.
    Null,
    /// Nothing, where an array would be.
    NullArray,
    /// Frames in order.
    Array(Vec<Frame>),
    /// Keys with their values; one after the other in version two.
    Map(Vec<(Frame, Frame)>),
    /// Pairs in order; one after the other in version two, an array each in version three.
    Pairs(Vec<(Frame, Frame)>),
    /// Frames in no order; an array in version two.
    Set(Vec<Frame>),
    /// What nobody asked for at this moment; an array in version two.
    Push(Vec<Frame>),
    /// A number; as text in version two.
    Double(f64),
    /// A number that comes as its decimal text in both versions.
    Decimal(String),
    /// A text for a person; bytes in version two.
    Verbatim(Bytes),
    /// Several replies to one request, one after the other; or none.
    Sequence(Vec<Frame>),
}

impl Frame {
    /// `OK`.
    pub const OK: Self = Self::Simple(Cow::Borrowed("OK"));

    /// A count. Counts beyond what an integer holds do not occur; they would be shown as the largest.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// 1 or 0.
    #[must_use]
    pub fn flag(is_true: bool) -> Self {
        Self::Integer(i64::from(is_true))
    }

    /// Bytes or nothing.
    #[must_use]
    pub fn or_null(bytes: Option<Bytes>) -> Self {
        bytes.map_or(Self::Null, Self::Bulk)
    }

    /// A text as bytes.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Bulk(Bytes::from(text.into()))
    }

    /// A name that is part of the program, as bytes.
    #[must_use]
    pub fn name(name: &'static str) -> Self {
        Self::Bulk(Bytes::from_static(name.as_bytes()))
    }

    /// An array of bytes.
    #[must_use]
    pub fn bulks(items: impl IntoIterator<Item = Bytes>) -> Self {
        Self::Array(items.into_iter().map(Self::Bulk).collect())
    }

    /// Appends the reply.
    pub fn write(&self, out: &mut Vec<u8>, version: Version) {
        match self {
            Self::Simple(text) => line(out, b'+', text),
            Self::Error(text) => line(out, b'-', text),
            Self::Integer(number) => {
                out.push(b':');
                if *number < 0 {
                    out.push(b'-');
                }
                digits(out, number.unsigned_abs());
                out.extend_from_slice(b"\r\n");
            }
            Self::Bulk(bytes) => bulk(out, bytes),
            Self::Null | Self::NullArray if version == Version::Three => out.extend_from_slice(b"_\r\n"),
            Self::Null => out.extend_from_slice(b"$-1\r\n"),
            Self::NullArray => out.extend_from_slice(b"*-1\r\n"),
            Self::Array(items) => list(out, version, b'*', items),
            Self::Set(items) => list(out, version, if version == Version::Three { b'~' } else { b'*' }, items),
            Self::Push(items) => list(out, version, if version == Version::Three { b'>' } else { b'*' }, items),
            Self::Map(entries) if version == Version::Three => {
                header(out, b'%', entries.len());
                entries.iter().for_each(|entry| pair(out, version, entry));
            }
            Self::Pairs(pairs) if version == Version::Three => {
                header(out, b'*', pairs.len());
                for one in pairs {
                    header(out, b'*', 2);
                    pair(out, version, one);
                }
            }
            Self::Map(pairs) | Self::Pairs(pairs) => {
                header(out, b'*', pairs.len().saturating_mul(2));
                pairs.iter().for_each(|one| pair(out, version, one));
            }
            Self::Double(number) => double(out, version, *number),
            Self::Decimal(text) if version == Version::Three => line(out, b',', text),
            Self::Decimal(text) => bulk(out, text.as_bytes()),
            Self::Verbatim(bytes) if version == Version::Three => {
                header(out, b'=', bytes.len().saturating_add(4));
                out.extend_from_slice(b"txt:");
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::Verbatim(bytes) => bulk(out, bytes),
            Self::Sequence(frames) => frames.iter().for_each(|frame| frame.write(out, version)),
        }
    }
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// WHY: a text may hold words of a client, and an end of line in it would be read as the beginning of another reply.
fn line(out: &mut Vec<u8>, mark: u8, text: &str) {
    out.push(mark);
    out.extend(text.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

fn list(out: &mut Vec<u8>, version: Version, mark: u8, items: &[Frame]) {
    header(out, mark, items.len());
    items.iter().for_each(|item| item.write(out, version));
}

fn pair(out: &mut Vec<u8>, version: Version, (first, second): &(Frame, Frame)) {
    first.write(out, version);
    second.write(out, version);
}

fn double(out: &mut Vec<u8>, version: Version, number: f64) {
    let mut text = Vec::new();
    write_double(&mut text, number);
    if version == Version::Three {
        out.push(b',');
        out.extend_from_slice(&text);
        out.extend_from_slice(b"\r\n");
    } else {
        bulk(out, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frame: &Frame) -> [String; 2] {
        [Version::Two, Version::Three].map(|version| {
            let mut out = Vec::new();
            frame.write(&mut out, version);
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn every_frame_has_a_form_in_both_versions() {
        let a = || Frame::text("a");
        let cases = [
            (Frame::OK, "+OK\r\n", "+OK\r\n"),
            (Frame::Error("ERR no".into()), "-ERR no\r\n", "-ERR no\r\n"),
            (Frame::Integer(-12), ":-12\r\n", ":-12\r\n"),
            (Frame::Integer(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"),
            (Frame::count(0), ":0\r\n", ":0\r\n"),
            (a(), "$1\r\na\r\n", "$1\r\na\r\n"),
            (Frame::text(""), "$0\r\n\r\n", "$0\r\n\r\n"),
            (Frame::Null, "$-1\r\n", "_\r\n"),
            (Frame::NullArray, "*-1\r\n", "_\r\n"),
            (Frame::Array(vec![a(), Frame::Null]), "*2\r\n$1\r\na\r\n$-1\r\n", "*2\r\n$1\r\na\r\n_\r\n"),
            (Frame::Set(vec![a()]), "*1\r\n$1\r\na\r\n", "~1\r\n$1\r\na\r\n"),
            (Frame::Sequence(vec![a(), Frame::OK]), "$1\r\na\r\n+OK\r\n", "$1\r\na\r\n+OK\r\n"),
            (Frame::Sequence(Vec::new()), "", ""),
            (Frame::Push(vec![a()]), "*1\r\n$1\r\na\r\n", ">1\r\n$1\r\na\r\n"),
            (Frame::Map(vec![(a(), a())]), "*2\r\n$1\r\na\r\n$1\r\na\r\n", "%1\r\n$1\r\na\r\n$1\r\na\r\n"),
            (Frame::Pairs(vec![(a(), a())]), "*2\r\n$1\r\na\r\n$1\r\na\r\n", "*1\r\n*2\r\n$1\r\na\r\n$1\r\na\r\n"),
            (Frame::Double(0.5), "$3\r\n0.5\r\n", ",0.5\r\n"),
            (Frame::Double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
            (Frame::Decimal("0.5".into()), "$3\r\n0.5\r\n", ",0.5\r\n"),
            (Frame::Verbatim("x".into()), "$1\r\nx\r\n", "=5\r\ntxt:x\r\n"),
        ];
        for (frame, two, three) in cases {
            assert_eq!(written(&frame), [two, three], "{frame:?}");
        }
    }

    #[test]
    fn a_text_never_breaks_its_line() {
        let frame = Frame::Error("ERR unknown command 'a\r\n+OK'".into());
        assert_eq!(written(&frame)[0], "-ERR unknown command 'a  +OK'\r\n");
    }
}
