//! The manifest of an append-only file in parts, as Redis 7.0 writes it.
//!
//! What lives here: reading one. It may use the standard library.
//!
//! INVARIANT: no part lies anywhere but beside its manifest.

/// A part of an append-only file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, which has no path.
    pub name: String,
    /// What it holds.
    pub kind: PartKind,
}

/// What a part of an append-only file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Everything as it was once, as an RDB file or as commands.
    Base,
    /// What happened after that.
    Incremental,
}

/// The longest manifest that is read: there is a line for each part, and Redis takes none of more than 1 KiB.
pub(super) const MAX_LINE_BYTES: usize = 1024;

/// Reads the parts that make up the present state, in order: the base if there is one, then what followed. What is only kept
/// until Redis deletes it is left out.
///
/// # Errors
/// Says what is wrong with it.
pub fn read_manifest(text: &[u8]) -> Result<Vec<Part>, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "it is no text")?;
    let mut parts: Vec<Part> = Vec::new();
    let mut last_number = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.len() > MAX_LINE_BYTES {
            return Err("a line is too long");
        }
        let words = words_of(line).ok_or("a name is not quoted as it must be")?;
        let [name_word, name, seq_word, number, type_word, kind] = words.as_slice() else {
            return Err("a line does not have three words and their values");
        };
        if (name_word.as_str(), seq_word.as_str(), type_word.as_str()) != ("file", "seq", "type") {
            return Err("a line does not say file, seq and type");
        }
        let number: u64 = number.parse().map_err(|_| "a part has no number")?;
        let kind = match kind.as_str() {
            "b" if parts.is_empty() => PartKind::Base,
            "b" => return Err("the base is not the first part"),
            "i" if number > last_number => PartKind::Incremental,
            "i" => return Err("the parts are not in order"),
            "h" => continue,
            _ => return Err("a part is of an unknown kind"),
        };
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name == "." || name == ".." {
            return Err("a part has a path for its name");
        }
        if kind == PartKind::Incremental {
            last_number = number;
        }
        parts.push(Part { name: name.clone(), kind });
    }
    if parts.is_empty() { Err("it names no part") } else { Ok(parts) }
}

/// The words of a line; one with blanks is quoted, and then has `\x41` and its like.
fn words_of(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, behind) = rest.split_at_checked(end)?;
                (word.to_owned(), behind)
            }
        };
        words.push(word);
        if behind.starts_with(|next: char| !next.is_whitespace()) {
            return None;
        }
        rest = behind.trim_start();
    }
    Some(words)
}

/// The text up to the closing quote, and what follows that.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut chars = quoted.char_indices();
    while let Some((at, next)) = chars.next() {
        match next {
            '"' => return Some((String::from_utf8(bytes).ok()?, quoted.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'x' => {
                    let digits: String = [chars.next()?.1, chars.next()?.1].iter().collect();
                    bytes.push(u8::from_str_radix(&digits, 16).ok()?);
                }
                'n' => bytes.push(b'\n'),
                'r' => bytes.push(b'\r'),
                't' => bytes.push(b'\t'),
                'b' => bytes.push(8),
                'a' => bytes.push(7),
                other => bytes.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            },
            other => bytes.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_order_and_old_ones_are_left_out() {
        let text = b"# comment\nfile a.aof.2.base.rdb seq 2 type b\nfile a.aof.1.incr.aof seq 1 type h\n\
            file \"a b\\x41\\\".aof\" seq 3 type i\nfile a.aof.4.incr.aof seq 4 type i\n";
        let parts = read_manifest(text).unwrap();
        let found: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.kind)).collect();
        let expected = [
            ("a.aof.2.base.rdb", PartKind::Base),
            ("a bA\".aof", PartKind::Incremental),
            ("a.aof.4.incr.aof", PartKind::Incremental),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for text in [
            "",
            "\n",
            "file a seq 1\n",
            "file a seq x type b\n",
            "file a seq 1 type z\n",
            "file ../a seq 1 type b\n",
            "file .. seq 1 type b\n",
            "file \"\\x2fa\" seq 1 type b\n",
            "file \"a seq 1 type b\n",
            "file \"a\"b seq 1 type b\n",
            "file a seq 1 type i\nfile b seq 1 type b\n",
            "file a seq 2 type i\nfile b seq 2 type i\n",
            "name a seq 1 type b\n",
            "\u{e9}file\"\\x\u{e9}",
        ] {
            assert!(read_manifest(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read_manifest(b"\xff").is_err());
        assert!(read_manifest(format!("file {} seq 1 type b", "a".repeat(2000)).as_bytes()).is_err());
    }
}
