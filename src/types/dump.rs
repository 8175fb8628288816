//! Values in Redis' own form: dumped, and restored.
//!
//! May use `rdb`, edits, elements and the data types. Invariants: a payload is restored whole or not at all; beside it, never
//! more than a few MiB of a collection are in memory.

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, LIST_MIDDLE, Meta, Score, Tag, UnixMillis};
use crate::error::{Error, ErrorKind, Result};
use crate::rdb::{Element, RdbError, ValueReader, begin_value, seal_payload, write_score, write_string};
use crate::types::string::{SetCondition, SetExpiry};
use crate::types::{Birth, Change, Direction, Elements, EventKind, KeyPlan, Reader, TailRange, list, string, zset};

/// The longest dump that is made: it lies in memory as a whole. Larger: one call may take as much memory. Smaller: it would
/// refuse what fits. Redis itself takes 512 MiB as one argument, unless told otherwise.
pub(crate) const MAX_DUMP_BYTES: u64 = 4 << 30;

/// Writes the value of a key as a payload of at most `max_bytes`. The reader must have a snapshot.
pub(crate) fn dump(reader: &Reader, meta: &Meta, max_bytes: u64) -> Result<Bytes> {
    let mut payload = value(reader, meta, max_bytes)?;
    seal_payload(&mut payload);
    Ok(payload.into())
}

/// Writes the byte of a value's type and the value, in at most `max_bytes`. The reader must have a snapshot.
pub(crate) fn value(reader: &Reader, meta: &Meta, max_bytes: u64) -> Result<Vec<u8>> {
    let mut payload = Payload { bytes: Vec::new(), max_bytes };
    begin_value(&mut payload.bytes, meta.data_type, meta.size);
    match meta.data_type {
        DataType::String => payload.strings(&[&string::whole(reader, meta)?])?,
        DataType::List => {
            let mut items = list::items(reader, meta, 0..meta.size, Direction::Ascending)?;
            while let Some((_, item)) = items.next_ref()? {
                payload.strings(&[item])?;
            }
        }
        DataType::Hash => payload.named(reader, meta, Tag::HashField, Direction::Ascending)?,
        DataType::Set => payload.named(reader, meta, Tag::SetMember, Direction::Ascending)?,
        // Redis writes them so, because it reads them so with the least work.
        DataType::SortedSet => payload.named(reader, meta, Tag::SortedScore, Direction::Descending)?,
    }
    Ok(payload.bytes)
}

/// A payload in the making.
struct Payload {
    bytes: Vec<u8>,
    max_bytes: u64,
}

impl Payload {
    /// Appends one or two strings.
    fn strings(&mut self, strings: &[&[u8]]) -> Result<()> {
        strings.iter().for_each(|string| write_string(&mut self.bytes, string));
        let bytes = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        if bytes > self.max_bytes {
            return Err(Error::too_large("the dump, so far,", bytes, "a payload", self.max_bytes));
        }
        Ok(())
    }

    /// Appends all elements of one kind.
    fn named(&mut self, reader: &Reader, meta: &Meta, tag: Tag, direction: Direction) -> Result<()> {
        let mut walk = Elements::of(reader, meta)?.walk(&TailRange::all(tag), direction)?;
        let mut found = 0;
        while let Some((key, value)) = walk.entry()? {
            match key {
                ElementKey::HashField(field) => self.strings(&[field, value])?,
                ElementKey::SetMember(member) => self.strings(&[member])?,
                ElementKey::SortedScore(score, member) => {
                    self.strings(&[member])?;
                    write_score(&mut self.bytes, score.get());
                }
                ElementKey::ListItem(_) | ElementKey::SortedMember(_) | ElementKey::StringPiece(_) => {
                    return Err(Error::corrupt("a collection's range holds another element"));
                }
            }
            found += 1;
            walk.advance();
        }
        if found == meta.size {
            Ok(())
        } else {
            Err(Error::corrupt("a collection has not as many elements as its size"))
        }
    }
}

/// What a payload is restored with.
pub(crate) struct Restoring<'r> {
    pub(crate) birth: Birth,
    pub(crate) may_replace: bool,
    /// No string may be longer.
    pub(crate) max_string_bytes: usize,
    /// Refuses elements that are too long for what they are.
    pub(crate) check: &'r dyn Fn(&Element) -> Result<()>,
}

/// Puts the value of a payload, which has been opened, in the key's place. One whose expiry has passed is read as any other,
/// and then just takes away what it would have replaced.
pub(crate) fn restore(
    plan: &mut KeyPlan<'_>,
    value: std::result::Result<&[u8], RdbError>,
    with: &Restoring<'_>,
) -> Result<()> {
    if plan.live().is_some() && !with.may_replace {
        return Err(Error::new(ErrorKind::KeyExists, "the key exists, and is not to be replaced"));
    }
    restore_value(plan, value?, with).map(drop)
}

/// Puts a value in the key's place, whatever that holds; returns its type. `value` begins with the byte of that.
pub(crate) fn restore_value(plan: &mut KeyPlan<'_>, value: &[u8], with: &Restoring<'_>) -> Result<DataType> {
    let value = ValueReader::open(value, with.max_string_bytes)?;
    let is_dead = with.birth.expires_at.is_some_and(|expires_at| expires_at <= plan.now);
    let expires_at = with.birth.expires_at.filter(|_| !is_dead);
    let data_type = value.data_type();
    match data_type {
        DataType::String => restore_string(plan, value, expires_at)?,
        _ => restore_collection(plan, value, Birth { expires_at, ..with.birth }, with.check)?,
    }
    // That a string is set is how it is restored, not what happens.
    plan.notes.clear();
    if is_dead {
        // What was built is buried, as nothing links it.
        plan.built = None;
        plan.elements.clear();
        plan.change = if plan.live().is_some() { Change::Remove } else { Change::Nothing };
    } else {
        plan.note(EventKind::Restore);
    }
    Ok(data_type)
}

fn restore_string(plan: &mut KeyPlan<'_>, mut value: ValueReader<&[u8]>, expires_at: Option<UnixMillis>) -> Result<()> {
    let Some(Element::Text(text)) = value.next_element()? else {
        return Err(Error::from(RdbError::Corrupt("a string is no string")));
    };
    string::set(plan, &text, SetCondition::Always, expires_at.map_or(SetExpiry::None, SetExpiry::At))?;
    Ok(())
}

/// Puts element by element. The edit writes them out now and then, if they are many.
fn restore_collection(
    plan: &mut KeyPlan<'_>,
    mut value: ValueReader<&[u8]>,
    birth: Birth,
    check: &dyn Fn(&Element) -> Result<()>,
) -> Result<()> {
    let data_type = value.data_type();
    let mut edit = plan.replace(data_type, birth);
    let mut size = 0;
    while let Some(element) = value.next_element()? {
        check(&element)?;
        match element {
            Element::Item(item) => edit.put(&ElementKey::ListItem(LIST_MIDDLE + size), item)?,
            Element::Member(member) => edit.put(&ElementKey::SetMember(&member), Bytes::new())?,
            Element::Field(field, held) => edit.put(&ElementKey::HashField(&field), held)?,
            Element::Scored(member, score) => {
                let score = Score::new(score).ok_or(RdbError::Corrupt("a score is not a number"))?;
                zset::put(&mut edit, &member, score)?;
            }
            Element::Text(_) => return Err(Error::from(RdbError::Corrupt("a collection holds a string's text"))),
        }
        size += 1;
    }
    let tag = match data_type {
        DataType::Hash => Some(Tag::HashField),
        DataType::Set => Some(Tag::SetMember),
        DataType::SortedSet => Some(Tag::SortedMember),
        DataType::List | DataType::String => None,
    };
    if let Some(tag) = tag
        && edit.count_added(tag)? != size
    {
        return Err(Error::from(RdbError::Corrupt("an element comes twice")));
    }
    edit.set_size(size);
    edit.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_that_grows_too_long_is_refused() {
        let mut payload = Payload { bytes: Vec::new(), max_bytes: 100 };
        payload.strings(&[&[b'a'; 40], &[b'b'; 58]]).unwrap();
        let error = payload.strings(&[b""]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(error.to_string(), "the dump, so far, has 101 bytes; a payload allows 100");
    }
}
