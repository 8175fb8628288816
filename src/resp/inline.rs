//! Requests that are a line, as a person types them.
//!
//! What lives here: cutting a line into words by Redis' rules. INVARIANT: total; the words together are no longer than the line.

use bytes::Bytes;

use super::RespError;

/// Cuts a line into words. They are parted by spaces; in double quotes, `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH` stand for a byte and a
/// backslash for what follows it; in single quotes only `\'` means something. A zero byte ends the line, as in C.
///
/// # Errors
/// [`RespError::Quotes`].
pub fn split_line(line: &[u8]) -> Result<Vec<Bytes>, RespError> {
    let mut rest = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        // C counts the vertical tab as a space, Rust does not.
        if let Some(behind) = rest.strip_prefix(b"\x0b") {
            rest = behind;
            continue;
        }
        if rest.is_empty() {
            return Ok(words);
        }
        let (word, behind) = word(rest)?;
        words.push(word.into());
        rest = behind;
    }
}

/// The first word, and what stands behind it.
fn word(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), RespError> {
    let mut word = Vec::new();
    loop {
        rest = match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok((word, rest)),
            [b'"', inside @ ..] => return closed(double_quoted(&mut word, inside)?).map(|behind| (word, behind)),
            [b'\'', inside @ ..] => return closed(single_quoted(&mut word, inside)?).map(|behind| (word, behind)),
            [byte, behind @ ..] => {
                word.push(*byte);
                behind
            }
        };
    }
}

/// What stands behind a quote must be a space, or nothing.
fn closed(behind: &[u8]) -> Result<&[u8], RespError> {
    match behind {
        [] | [b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c, ..] => Ok(behind),
        _ => Err(RespError::Quotes),
    }
}

fn double_quoted<'a>(word: &mut Vec<u8>, mut rest: &'a [u8]) -> Result<&'a [u8], RespError> {
    loop {
        let (byte, behind) = match rest {
            [] => return Err(RespError::Quotes),
            [b'"', behind @ ..] => return Ok(behind),
            [b'\\', b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), behind)
            }
            [b'\\', escaped, behind @ ..] => (unescaped(*escaped), behind),
            [byte, behind @ ..] => (*byte, behind),
        };
        word.push(byte);
        rest = behind;
    }
}

fn single_quoted<'a>(word: &mut Vec<u8>, mut rest: &'a [u8]) -> Result<&'a [u8], RespError> {
    loop {
        let (byte, behind) = match rest {
            [] => return Err(RespError::Quotes),
            [b'\\', b'\'', behind @ ..] => (b'\'', behind),
            [b'\'', behind @ ..] => return Ok(behind),
            [byte, behind @ ..] => (*byte, behind),
        };
        word.push(byte);
        rest = behind;
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, RespError> {
        Ok(split_line(line)?.iter().map(|word| word.to_vec()).collect())
    }

    #[test]
    fn a_line_falls_into_words_as_in_redis() {
        let cases: [(&[u8], &[&[u8]]); 9] = [
            (b"", &[]),
            (b"  \t ", &[]),
            (b"SET k v", &[b"SET", b"k", b"v"]),
            (b" a  b ", &[b"a", b"b"]),
            (br#"a "b c" 'd e'"#, &[b"a", b"b c", b"d e"]),
            (br#""\x41\n\"\q\x4" '\'\n'"#, &[b"A\n\"qx4", b"'\\n"]),
            (br#"a"b" """#, &[b"ab", b""]),
            (b"a\0b", &[b"a"]),
            (b"\x0ba\x0bb", &[b"a\x0bb"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn quotes_that_do_not_close_are_refused() {
        for line in [r#"""#, r#""a"#, r"'a", r#""a"b"#, r#"'a'b"#, r#""a\""#, r#"a "b"#, r#""a""b""#] {
            assert_eq!(words(line.as_bytes()), Err(RespError::Quotes), "{line}");
        }
    }
}
