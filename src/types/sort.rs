//! Sorting the elements of a list, set or sorted set, by themselves or by other keys.
//!
//! May use the reader, elements and edits. Invariant: as in Redis, in every case; where Redis leaves the order open, it is that
//! of the bytes. Takes memory for all elements and what they are compared by.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, KeyspaceNo, LIST_MIDDLE, Meta, Tag, UnixMillis};
use crate::error::{Error, ErrorKind, Result};
use crate::types::number::LongDouble;
use crate::types::{Birth, Direction, Elements, EventKind, KeyPlan, Reader, TailRange, Walk, head_of, string};

/// How to sort, and what to return of each element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: Option<Pattern>,
    pub(crate) get: Vec<Pattern>,
    pub(crate) offset: u64,
    /// `None` for all.
    pub(crate) count: Option<u64>,
    pub(crate) is_descending: bool,
    pub(crate) is_alphabetic: bool,
}

/// What stands for a value that an element leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `#`: the element itself.
    Element,
    /// A pattern without `*`: nothing.
    Nothing,
    /// A key in whose middle the element stands, and the field, if that key is a hash.
    Key { before: Vec<u8>, after: Vec<u8>, field: Option<Vec<u8>> },
}

impl Pattern {
    /// Reads a pattern. WHY up to a zero byte: Redis looks for marks as in a C string, so a mark behind a zero byte is none. The
    /// bytes behind it still belong to the key or field.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let seen = before_zero(text);
        if seen == b"#" {
            return Self::Element;
        }
        let Some(star) = place_of(seen, b"*") else {
            return Self::Nothing;
        };
        let (before, rest) = (text.get(..star), text.get(star + 1..).unwrap_or_default());
        let dereferenced = place_of(before_zero(rest), b"->").and_then(|arrow| {
            let field = rest.get(arrow + 2..).filter(|field| !before_zero(field).is_empty())?;
            Some((rest.get(..arrow)?, field.to_vec()))
        });
        let (after, field) = match dereferenced {
            Some((after, field)) => (after, Some(field)),
            None => (rest, None),
        };
        Self::Key { before: before.unwrap_or_default().to_vec(), after: after.to_vec(), field }
    }
}

/// What C takes for the string.
fn before_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Where `mark` stands first.
fn place_of(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|window| window == mark)
}

/// The keys among which elements are looked up. The reader has a snapshot.
pub(crate) struct Keyspace<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) number: KeyspaceNo,
    pub(crate) now: UnixMillis,
}

impl Keyspace<'_> {
    /// Sorts the elements of `key`; returns what `order` gets of each of them, `None` for what does not exist.
    /// What is to be stored must not depend on chance, so a set is sorted then in any case.
    pub(crate) fn sort(&self, key: &[u8], order: &Order, is_stored: bool) -> Result<Vec<Option<Bytes>>> {
        let Some(meta) = self.live(key)? else {
            return Ok(Vec::new());
        };
        if !matches!(meta.data_type, DataType::List | DataType::Set | DataType::SortedSet) {
            return Err(Error::wrong_type(meta.data_type, "list, set or zset"));
        }
        let keeps_order = order.by.as_ref().is_some_and(|by| !matches!(by, Pattern::Key { .. }));
        let elements = if !keeps_order {
            let sorted = self.sorted(all(self.reader, &meta)?, order)?;
            cut(sorted, order)
        } else if meta.data_type == DataType::Set && is_stored {
            let mut members = all(self.reader, &meta)?;
            if order.is_descending {
                members.reverse();
            }
            cut(members, order)
        } else {
            in_order(self.reader, &meta, order)?
        };
        self.get_all(elements, order)
    }

    fn live(&self, key: &[u8]) -> Result<Option<Meta>> {
        self.reader.live(self.number, key, self.now)
    }

    fn sorted(&self, elements: Vec<Bytes>, order: &Order) -> Result<Vec<Bytes>> {
        let weigh = |element: &Bytes| match &order.by {
            Some(by) => self.look_up(by, element),
            None => Ok(Some(element.clone())),
        };
        if order.is_alphabetic {
            let weighed = elements.into_iter().map(|element| Ok((weigh(&element)?, element)));
            Ok(by_weight(weighed.collect::<Result<_>>()?, order.is_descending, Ord::cmp))
        } else {
            let weighed = elements.into_iter().map(|element| {
                let weight = weigh(&element)?.map_or(Some(0.0), |weight| parse_weight(&weight));
                Ok((weight.ok_or_else(not_a_number)?, element))
            });
            // No weight is NaN, and -0 is 0.
            let compare = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or(Ordering::Equal);
            Ok(by_weight(weighed.collect::<Result<_>>()?, order.is_descending, compare))
        }
    }

    /// Reads what the pattern says of an element.
    fn look_up(&self, pattern: &Pattern, element: &Bytes) -> Result<Option<Bytes>> {
        let (before, after, field) = match pattern {
            Pattern::Element => return Ok(Some(element.clone())),
            Pattern::Nothing => return Ok(None),
            Pattern::Key { before, after, field } => (before, after, field),
        };
        let key = [before, element.as_ref(), after].concat();
        match (self.live(&key)?, field) {
            (Some(meta), None) if meta.data_type == DataType::String => string::whole(self.reader, &meta).map(Some),
            (Some(meta), Some(field)) if meta.data_type == DataType::Hash => {
                Elements::of(self.reader, &meta)?.get(&ElementKey::HashField(field))
            }
            _ => Ok(None),
        }
    }

    fn get_all(&self, elements: Vec<Bytes>, order: &Order) -> Result<Vec<Option<Bytes>>> {
        if order.get.is_empty() {
            return Ok(elements.into_iter().map(Some).collect());
        }
        let mut found = Vec::with_capacity(elements.len().saturating_mul(order.get.len()));
        for element in &elements {
            for pattern in &order.get {
                found.push(self.look_up(pattern, element)?);
            }
        }
        Ok(found)
    }
}

/// Stores what was sorted as a list in place of what the key holds; returns its length. Nothing makes no list.
pub(crate) fn store(plan: &mut KeyPlan<'_>, items: Vec<Option<Bytes>>) -> Result<u64> {
    let mut list = plan.replace(DataType::List, Birth::default());
    let mut index = LIST_MIDDLE;
    for item in items {
        list.put(&ElementKey::ListItem(index), item.unwrap_or_default())?;
        index += 1;
    }
    let length = index - LIST_MIDDLE;
    list.set_size(length);
    list.finish()?;
    if length > 0 {
        plan.note(EventKind::SortStore);
    }
    Ok(length)
}

/// Sorts by weight, then by the elements' bytes.
fn by_weight<W>(mut weighed: Vec<(W, Bytes)>, is_descending: bool, compare: impl Fn(&W, &W) -> Ordering) -> Vec<Bytes> {
    weighed.sort_unstable_by(|(a_weight, a), (b_weight, b)| {
        let order = compare(a_weight, b_weight).then_with(|| a.cmp(b));
        if is_descending { order.reverse() } else { order }
    });
    weighed.into_iter().map(|(_, element)| element).collect()
}

/// Cuts out what the limit leaves.
fn cut(elements: Vec<Bytes>, order: &Order) -> Vec<Bytes> {
    let skipped = usize::try_from(order.offset).unwrap_or(usize::MAX);
    elements.into_iter().skip(skipped).take(limit(order)).collect()
}

fn limit(order: &Order) -> usize {
    order.count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX)
}

fn all(reader: &Reader, meta: &Meta) -> Result<Vec<Bytes>> {
    let walk = Elements::of(reader, meta)?.walk(&TailRange::all(tag_of(meta)), Direction::Ascending)?;
    take(walk, usize::MAX)
}

/// Reads what the limit leaves in the order that the elements have, or in the reverse one; a set has no order. Goes
/// straight to an index of a list, and over what lies before it in a sorted set.
fn in_order(reader: &Reader, meta: &Meta, order: &Order) -> Result<Vec<Bytes>> {
    if order.offset >= meta.size {
        return Ok(Vec::new());
    }
    let is_reversed = order.is_descending && meta.data_type != DataType::Set;
    let direction = if is_reversed { Direction::Descending } else { Direction::Ascending };
    let range = TailRange::all(tag_of(meta));
    let elements = Elements::of(reader, meta)?;
    if meta.data_type != DataType::List {
        let mut walk = elements.walk(&range, direction)?;
        walk.skip(order.offset)?;
        return take(walk, limit(order));
    }
    let index = if is_reversed { meta.size - 1 - order.offset } else { order.offset };
    let at = ElementKey::ListItem(head_of(meta).saturating_add(index));
    let range = if is_reversed { range.through(&at) } else { range.from(&at) };
    take(elements.walk(&range, direction)?, limit(order))
}

fn tag_of(meta: &Meta) -> Tag {
    match meta.data_type {
        DataType::List => Tag::ListItem,
        DataType::SortedSet => Tag::SortedScore,
        _ => Tag::SetMember,
    }
}

fn take(mut walk: Walk, limit: usize) -> Result<Vec<Bytes>> {
    let mut elements = Vec::new();
    while elements.len() < limit {
        let element = match walk.entry()? {
            None => break,
            Some((ElementKey::ListItem(_), item)) => item,
            Some((ElementKey::SetMember(member) | ElementKey::SortedScore(_, member), _)) => member,
            Some(_) => return Err(Error::corrupt("a collection's range holds another element")),
        };
        elements.push(Bytes::copy_from_slice(element));
        walk.advance();
    }
    Ok(elements)
}

/// Reads a number as `strtod` does, which Redis asks here: spaces before it are left out, what stands behind a zero byte
/// too, and nothing at all is 0. `None` for anything else that is no number or out of range.
fn parse_weight(bytes: &[u8]) -> Option<f64> {
    let text = before_zero(bytes);
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    let text = std::str::from_utf8(text.get(spaces..)?).ok()?;
    let is_hexadecimal = text.contains(['x', 'X']);
    let number = if is_hexadecimal { LongDouble::parse(text).ok()?.to_f64() } else { text.parse().ok()? };
    if number == 0.0 {
        let exponent = if is_hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
        let digits = text.split(exponent).next()?;
        return digits.bytes().all(|byte| byte == b'0' || !byte.is_ascii_hexdigit()).then_some(number);
    }
    let is_named = text.contains(['n', 'N']);
    (number.is_normal() || (is_named && number.is_infinite())).then_some(number)
}

fn not_a_number() -> Error {
    Error::new(ErrorKind::NotAFloat, "one or more scores can't be converted into double")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_as_strtod_reads_them() {
        let good = [
            ("", 0.0),
            ("1", 1.0),
            (" \t\n\u{b}\u{c}\r-1.5", -1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("+2e3", 2000.0),
            ("0x10", 16.0),
            ("-0x1.8p1", -3.0),
            ("0x0p5", 0.0),
            ("0e99", 0.0),
            ("-0", 0.0),
            ("inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
            ("1\0x", 1.0),
            ("\0x", 0.0),
        ];
        for (text, number) in good {
            assert_eq!(parse_weight(text.as_bytes()), Some(number), "{text:?}");
        }
        let bad =
            [" ", "x", "1 ", "1x", "nan", "-nan", "1e400", "-1e400", "1e-400", "1e-310", "--1", "0x", "e5", ".", "1e"];
        for text in bad {
            assert_eq!(parse_weight(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_weight(b"\xff"), None);
    }

    #[test]
    fn patterns_are_taken_apart_as_in_redis() {
        let key = |before: &str, after: &str, field: Option<&str>| Pattern::Key {
            before: before.into(),
            after: after.into(),
            field: field.map(Into::into),
        };
        for (text, expected) in [
            ("#", Pattern::Element),
            ("", Pattern::Nothing),
            ("nosort", Pattern::Nothing),
            ("a->b", Pattern::Nothing),
            ("*", key("", "", None)),
            ("w_*_x", key("w_", "_x", None)),
            ("w_*->f", key("w_", "", Some("f"))),
            ("w_*x->f->g*", key("w_", "x", Some("f->g*"))),
            ("w_*->", key("w_", "->", None)),
            ("a->*b*", key("a->", "b*", None)),
            ("#\0", Pattern::Element),
            ("#\0*", Pattern::Element),
            ("\0#", Pattern::Nothing),
            ("\0*", Pattern::Nothing),
            ("*\0", key("", "\0", None)),
            ("*\0->f", key("", "\0->f", None)),
            ("*->\0f", key("", "->\0f", None)),
            ("*->f\0->g", key("", "", Some("f\0->g"))),
        ] {
            assert_eq!(Pattern::parse(text.as_bytes()), expected, "{text:?}");
        }
    }
}
