//! Patterns of names: `*`, `?`, `[a-z]`, `[^a]` and `\`, as Redis matches them.
//!
//! Uses nothing of the crate. Invariant: the same answers as Redis 7.0 on x86-64; the time is at most the product of
//! both lengths, as only the last `*` is ever tried again.

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glob<'a> {
    pattern: &'a [u8],
}

/// What one place of a pattern says about the byte at one place of a name.
enum Step<'a> {
    /// Any number of bytes, the pattern goes on behind.
    Any(&'a [u8]),
    /// The byte fits, the pattern goes on behind.
    Fits(&'a [u8]),
    Differs,
}

impl<'a> Glob<'a> {
    pub(crate) fn new(pattern: &'a [u8]) -> Self {
        Self { pattern }
    }

    /// Tells whether the pattern matches the whole name.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        if self.pattern == b"*" {
            return true;
        }
        // As in Redis: an empty name has no place at which a `**` could be looked at.
        if name.is_empty() {
            return self.pattern.is_empty();
        }
        let (mut pattern, mut rest) = (self.pattern, name);
        // Where to go on with one more byte for the last `*`.
        let mut again: Option<(&[u8], &[u8])> = None;
        while let Some((byte, behind)) = rest.split_first() {
            match step(pattern, *byte) {
                Step::Any(after) => {
                    again = Some((after, rest));
                    pattern = after;
                    if after.is_empty() {
                        return true;
                    }
                }
                Step::Fits(after) => (pattern, rest) = (after, behind),
                Step::Differs => match again {
                    Some((after, tried)) => {
                        let longer = tried.get(1..).unwrap_or_default();
                        again = Some((after, longer));
                        (pattern, rest) = (after, longer);
                    }
                    None => return false,
                },
            }
        }
        pattern.iter().all(|byte| *byte == b'*')
    }

    /// Returns the bytes with which every name begins that the pattern matches.
    pub(crate) fn literal_prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::new();
        let mut pattern = self.pattern;
        loop {
            pattern = match pattern {
                [] | [b'*' | b'?' | b'[', ..] => return prefix,
                [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                    prefix.push(*byte);
                    after
                }
            };
        }
    }
}

fn step(pattern: &[u8], byte: u8) -> Step<'_> {
    let (fits, after) = match pattern {
        [] => return Step::Differs,
        [b'*', after @ ..] => return Step::Any(after),
        [b'?', after @ ..] => (true, after),
        [b'[', b'^', class @ ..] => {
            let (found, after) = find_in_class(class, byte);
            (!found, after)
        }
        [b'[', class @ ..] => find_in_class(class, byte),
        [b'\\', wanted, after @ ..] | [wanted, after @ ..] => (*wanted == byte, after),
    };
    if fits { Step::Fits(after) } else { Step::Differs }
}

/// Tells whether the byte is in the class, which may lack its end, and where the pattern goes on.
fn find_in_class(class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut found = false;
    let mut rest = class;
    loop {
        rest = match rest {
            [] => return (found, rest),
            [b'\\', wanted, after @ ..] => {
                found |= *wanted == byte;
                after
            }
            [b']', after @ ..] => return (found, after),
            [from, b'-', to, after @ ..] => {
                found |= is_between(*from, *to, byte);
                after
            }
            [wanted, after @ ..] => {
                found |= *wanted == byte;
                after
            }
        }
    }
}

/// Ranges may be written from either end. Redis compares the bytes as signed ones.
fn is_between(from: u8, to: u8, byte: u8) -> bool {
    let (from, to, byte) = (from.cast_signed(), to.cast_signed(), byte.cast_signed());
    (from.min(to)..=from.max(to)).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> bool {
        Glob::new(pattern.as_ref()).matches(name.as_ref())
    }

    #[test]
    fn patterns_match_as_in_redis() {
        let cases = [
            ("*", "", true),
            ("**", "", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("?", "", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h*llo", "heeeell", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("*a*b*c", "xxaxxbxxcxxc", true),
            ("*a*b*c", "xxaxxbxxcxx", false),
            ("a*", "a", true),
            ("a**", "a", true),
            ("*b", "ab", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[a\\-z]", "-", true),
            ("[a\\-z]", "m", false),
            ("[abc", "c", true),
            ("[", "[", false),
            ("[^", "x", true),
            ("[^]", "x", true),
            ("[]", "]", false),
            ("[a-", "-", true),
            ("[]-a]", "^", false),
            ("[+--]", ",", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern:?} {name:?}");
        }
    }

    #[test]
    fn bytes_in_ranges_are_signed_as_in_redis() {
        assert!(matches([b'[', 0x80, b'-', 0xff, b']'], [0x90]));
        assert!(matches([b'[', 0xf0, b'-', 0x10, b']'], [0]));
        assert!(!matches([b'[', 0x00, b'-', 0xff, b']'], [0x41]));
    }

    #[test]
    fn many_stars_take_no_longer_than_the_product_of_the_lengths() {
        let pattern = "a*".repeat(2000) + "b";
        let name = "a".repeat(20_000);
        let start = std::time::Instant::now();
        assert!(!matches(pattern, name));
        assert!(start.elapsed().as_secs() < 10);
    }

    #[test]
    fn the_literal_prefix_ends_at_the_first_byte_that_is_special() {
        for (pattern, prefix) in [
            ("", ""),
            ("*", ""),
            ("user:*", "user:"),
            ("a\\*b?", "a*b"),
            ("plain", "plain"),
            ("a\\", "a\\"),
            ("x[1", "x"),
        ] {
            assert_eq!(Glob::new(pattern.as_bytes()).literal_prefix(), prefix.as_bytes(), "{pattern:?}");
        }
    }

    #[test]
    fn the_fast_match_agrees_with_one_that_tries_everything() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut matched = 0;
        for _ in 0..200_000 {
            let pattern: Vec<u8> = (0..random.usize(..9)).map(|_| b"ab*?[]^-\\*"[random.usize(..10)]).collect();
            let name: Vec<u8> = (0..random.usize(..7)).map(|_| b"ab]-^\\"[random.usize(..6)]).collect();
            let expected = pattern == b"*" || if name.is_empty() { pattern.is_empty() } else { slow(&pattern, &name) };
            assert_eq!(matches(&pattern, &name), expected, "{:?} {:?}", pattern.escape_ascii(), name.escape_ascii());
            assert!(!expected || name.starts_with(&Glob::new(&pattern).literal_prefix()));
            matched += u32::from(expected);
        }
        assert!(matched > 10_000, "{matched}");
    }

    /// Tries every length for every `*`.
    fn slow(pattern: &[u8], name: &[u8]) -> bool {
        let Some((byte, behind)) = name.split_first() else {
            return pattern.iter().all(|byte| *byte == b'*');
        };
        match step(pattern, *byte) {
            Step::Any(after) => (0..=name.len()).any(|taken| slow(after, &name[taken..])),
            Step::Fits(after) => slow(after, behind),
            Step::Differs => false,
        }
    }
}
