//! What must hold for any bytes whatever.
//!
//! What lives here: one function for each group of decoders. Each feeds `bytes` to them and asserts
//! that what decodes encodes to the same bytes again. The tests call them with random and with
//! damaged bytes; the fuzz targets include this very file.

use bytes::Bytes;
use windrow::encoding::hyperloglog::{Flaw, HyperLogLog, REGISTERS, Registers};
use windrow::encoding::{
    Body, Building, CollectionId, CountValue, DataType, DecodedSegment, ElementKey, ExpireKey, ExpireValue, Flushed,
    FormatFile, FormatVersion, HabitsFile, HistoryFile, KeyLayout, KeyspaceNo, Lease, Meta, MetaKey, NextKeyspace,
    PackedEntries, ReapedThrough, Score, Segment, SegmentBits, SegmentSet, StoreKey, StoreTime, default_merge,
    encode_packed, id_of_key, merge_counts, merge_segments, packed_entry_bytes,
};

/// Collection ids, segment keys and meta keys.
pub fn ids_and_keys(bytes: &[u8]) {
    if let Some((head, _)) = bytes.split_first_chunk::<8>() {
        if let Ok(id) = CollectionId::from_be_bytes(*head) {
            assert_eq!(id.to_be_bytes(), *head);
            assert_eq!(CollectionId::new(id.family(), id.counter()), Some(id));
            assert_eq!(id.segment().id(id.low()), Some(id));
        }
        if let Ok(score) = Score::from_ordered_bytes(*head) {
            assert_eq!(score.to_ordered_bytes(), *head);
            assert_eq!(Score::new(score.get()), Some(score));
        }
    }
    if let Ok(segment) = Segment::decode_key(bytes) {
        assert_eq!(segment.encode_key().as_slice(), bytes);
    }
    for layout in [KeyLayout::Plain, KeyLayout::Cluster] {
        if let Ok(key) = MetaKey::decode(layout, bytes) {
            assert_eq!(MetaKey::encode(layout, key.keyspace, key.user_key), bytes);
        }
    }
}

/// Meta records.
pub fn meta(bytes: &[u8]) {
    let decoded = Meta::decode(bytes);
    assert_eq!(Meta::decode_owned(Bytes::copy_from_slice(bytes)), decoded);
    match (decoded, Meta::peek(bytes)) {
        (Ok(meta), Ok(head)) => {
            assert_eq!(meta.encode(), bytes);
            assert_eq!(repacked(&meta).encode(), bytes);
            assert_eq!(meta.validate(), Ok(()));
            assert_eq!(
                (meta.data_type, meta.id(), meta.expires_at, meta.size),
                (head.data_type, head.id, head.expires_at, head.size)
            );
        }
        (Err(whole), Err(head)) => assert_eq!(whole, head),
        (whole, head) => assert_eq!(whole.map(|_| ()), head.map(|_| ()), "decode and peek disagree"),
    }
}

/// Meta records whose checksum is made right first, so that the fields behind it are reached.
pub fn meta_with_right_checksum(bytes: &[u8]) {
    meta(&with_right_checksum(bytes));
}

/// The record with its packed entries taken apart and packed again.
fn repacked(meta: &Meta) -> Meta {
    let mut again = meta.clone();
    if let Body::Packed(bytes) = &meta.body {
        assert_eq!(meta.id(), None);
        let entries = PackedEntries::new(meta.data_type, bytes).map(Result::unwrap);
        again.body = Body::Packed(encode_packed(meta.data_type, entries.clone()).into());
        assert_eq!(u64::try_from(entries.count()), Ok(meta.size));
    }
    again
}

/// Packed entries of each type, alone and as the body of a meta record.
pub fn packed(bytes: &[u8]) {
    for data_type in (1..=5).filter_map(DataType::from_number) {
        packed_as(data_type, bytes);
    }
}

fn packed_as(data_type: DataType, bytes: &[u8]) {
    let mut walk = PackedEntries::new(data_type, bytes);
    let mut entries = Vec::new();
    let error = loop {
        match walk.next() {
            Some(Ok(entry)) => entries.push(entry),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert_eq!(walk.next(), None, "something follows the end");
    assert!(data_type == DataType::List || entries.is_sorted_by(|before, after| before.name < after.name));
    let encoded = encode_packed(data_type, entries.iter().copied());
    let expected: usize =
        entries.iter().map(|entry| packed_entry_bytes(data_type, entry.name.len(), entry.value.len())).sum();
    assert_eq!(encoded.len(), expected);
    assert!(bytes.starts_with(&encoded), "what was read is not what lay there");
    let read_all = data_type != DataType::String && encoded.len() == bytes.len();
    assert_eq!(error.is_none(), read_all, "{error:?}");
    let size = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    for (size, fits) in [(size, size > 0), (size + 1, false), (size.wrapping_sub(1), false)] {
        let record = record_around(data_type, bytes, size);
        meta(&record);
        let decoded = Meta::decode(&record);
        assert_eq!(decoded.is_ok(), fits && error.is_none(), "{decoded:?}");
        if let Ok(decoded) = decoded {
            assert_eq!(decoded.body, Body::Packed(Bytes::copy_from_slice(bytes)));
        }
    }
}

/// A meta record with this packed body and size, its checksum right.
fn record_around(data_type: DataType, packed: &[u8], size: u64) -> Vec<u8> {
    let mark = [1, data_type.number(), 3, 0];
    with_right_checksum(&[&mark[..], &[0; 4], &[0; 32], &size.to_be_bytes(), packed].concat())
}

/// The bytes with the checksum that a meta record of these bytes has.
pub fn with_right_checksum(bytes: &[u8]) -> Vec<u8> {
    let mut record = bytes.to_vec();
    if let Some((mark, rest)) = bytes.split_at_checked(4)
        && let Some((_, tail)) = rest.split_at_checked(4)
    {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(mark);
        hasher.update(tail);
        record = [mark, &hasher.finalize().to_be_bytes(), tail].concat();
    }
    record
}

/// Entries of the expire family.
pub fn expire(bytes: &[u8]) {
    if let Ok(key) = ExpireKey::decode(bytes) {
        assert_eq!(key.encode(), bytes);
    }
    if let Ok(value) = ExpireValue::decode(bytes) {
        assert_eq!(value.encode(), bytes);
    }
}

/// Keys of the data families.
pub fn element(bytes: &[u8]) {
    if let Ok((id, element)) = ElementKey::decode(bytes) {
        assert_eq!(element.encode(id), bytes);
        assert_eq!(id_of_key(bytes), Ok(id));
    }
    if let Ok(id) = id_of_key(bytes) {
        assert!(bytes.starts_with(&id.to_be_bytes()));
        assert!(bytes.len() > 8);
    }
}

/// Segment bitmaps and their merge. The bytes are tried as one value, and as a [`chain`] of
/// operands.
pub fn segment_bits(bytes: &[u8]) {
    if let Ok(bits) = SegmentBits::decode(bytes) {
        assert_eq!(bits.encode(), bytes);
    }
    if let Ok(decoded) = DecodedSegment::decode(bytes) {
        assert_eq!(decoded.encode(), bytes);
    }
    let operands = chain(bytes);
    let together = merge_segments(None, operands.iter().copied());
    let regrouped = regrouped(&operands, |existing, chain| merge_segments(existing, chain.iter().copied()));
    assert_eq!(regrouped, together);
    let decoded = DecodedSegment::decode(&together);
    assert_eq!(decoded.as_ref().map(DecodedSegment::encode), Ok(together.clone()));
    let (found, lost) = decoded.map(|decoded| (decoded.bits, decoded.residue)).unwrap_or_default();
    for operand in &operands {
        match DecodedSegment::decode(operand) {
            Ok(known) => {
                let mut both = found.clone();
                both.union_with(&known.bits);
                assert_eq!(both, found, "places are lost");
                assert!(known.residue.iter().all(|item| lost.contains(item)));
            }
            Err(_) => assert!(lost.iter().any(|item| item == operand)),
        }
    }
}

/// Keys and values of the default family, and its merge.
pub fn records(bytes: &[u8]) {
    if let Ok(key) = StoreKey::decode(bytes) {
        assert_eq!(key.encode(), bytes);
    }
    if let Ok(version) = FormatVersion::decode(bytes) {
        assert_eq!(version.encode().as_slice(), bytes);
    }
    if let Ok(keyspace) = KeyspaceNo::decode(bytes) {
        assert_eq!(keyspace.encode().as_slice(), bytes);
        assert!(Flushed::decode(keyspace, bytes).is_err());
    }
    if let Some((number, _)) = bytes.split_first_chunk::<4>()
        && let Ok(keyspace) = KeyspaceNo::decode(number)
        && let Ok(flushed) = Flushed::decode(keyspace, bytes)
    {
        assert_eq!(flushed.encode(), bytes);
    }
    if let Ok(next) = NextKeyspace::decode(bytes) {
        assert_eq!(next.encode().as_slice(), bytes);
    }
    if let Ok(lease) = Lease::decode(bytes) {
        assert_eq!(lease.encode().as_slice(), bytes);
    }
    if let Ok(building) = Building::decode(bytes) {
        assert_eq!(building.encode().as_slice(), bytes);
    }
    if let Ok(reaped) = ReapedThrough::decode(bytes) {
        assert_eq!(reaped.encode(), bytes);
    }
    if let Ok(time) = StoreTime::decode(bytes) {
        assert_eq!(time.encode().as_slice(), bytes);
    }
    if let Ok(set) = SegmentSet::decode(bytes) {
        assert_eq!(set.encode(), bytes);
    }
    counts(bytes);
}

/// Sets of retired segments with small numbers, one for each byte, so that intervals touch and
/// overlap.
pub fn small_segment_sets(bytes: &[u8]) {
    let value: Vec<u8> = bytes.iter().flat_map(|&number| [0, 0, 0, 0, number]).collect();
    if let Ok(set) = SegmentSet::decode(&value) {
        let mut again = SegmentSet::new();
        set.iter().for_each(|numbers| again.insert(numbers));
        assert_eq!(again.encode(), value);
    }
}

fn counts(bytes: &[u8]) {
    if let Ok(count) = CountValue::decode(bytes) {
        assert_eq!(count.encode(), bytes);
    }
    let operands = chain(bytes);
    let together = merge_counts(None, operands.iter().copied());
    let regrouped = regrouped(&operands, |existing, chain| merge_counts(existing, chain.iter().copied()));
    assert_eq!(regrouped, together);
    assert_eq!(CountValue::decode(&together).map(|count| count.encode()), Ok(together.clone()));
    assert_eq!(default_merge(b"C\x00\x00\x00\x07", None, operands.iter().copied()), together);
    let last = operands.last().copied().unwrap_or_default();
    assert_eq!(default_merge(b"R", None, operands.iter().copied()), last);
}

/// The text of the WINDROW file.
pub fn format_file(bytes: &[u8]) {
    if let Ok(file) = FormatFile::parse(bytes) {
        assert_eq!(file.print().as_bytes(), bytes);
        assert!(file.version.is_supported());
    }
}

/// The HABITS file, and one with the right checksum behind these bytes.
pub fn habits_file(bytes: &[u8]) {
    let checked = [bytes, &crc32fast::hash(bytes).to_be_bytes()].concat();
    for bytes in [bytes, &checked] {
        if let Ok(file) = HabitsFile::decode(bytes) {
            assert_eq!(file.encode(), bytes);
        }
    }
}

/// The HISTORY file, and one with the right checksum behind these bytes.
pub fn history_file(bytes: &[u8]) {
    let checked = [bytes, &crc32fast::hash(bytes).to_be_bytes()].concat();
    for bytes in [bytes, &checked] {
        if let Ok(file) = HistoryFile::decode(bytes) {
            assert_eq!(file.encode(), bytes);
            assert_eq!(HistoryFile::new(file.since(), file.counters(), file.families().to_vec()), file);
        }
    }
}

/// The HISTORY file behind its fixed beginning and its counters.
pub fn history_file_behind_its_counters(bytes: &[u8]) {
    history_file(&[b"history1", &[7; 8 + 8 * HistoryFile::COUNTERS][..], bytes].concat());
}

/// The text of the WINDROW file behind its fixed beginnings, so that what follows them is reached.
pub fn format_file_behind_its_beginning(bytes: &[u8]) {
    format_file(&[b"windrow\nformat ", bytes].concat());
    format_file(&[b"windrow\nformat ", FormatVersion::CURRENT.to_string().as_bytes(), b"\nkeys ", bytes].concat());
    format_file(&[b"windrow\nformat ", bytes, b"\nkeys plain\n"].concat());
}

/// Cuts bytes into pieces, each behind two bytes that say how long it is, so that a piece can be a
/// whole bitmap. The last piece may be shorter; one byte alone at the end is none.
pub fn chain(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes(*len));
        let (piece, rest) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Merges the later half of the operands first, as RocksDB may, and then the result onto the merged
/// earlier half.
fn regrouped(operands: &[&[u8]], merge: impl Fn(Option<&[u8]>, &[&[u8]]) -> Vec<u8>) -> Vec<u8> {
    let (early, late) = operands.split_at(operands.len() / 2);
    let late = merge(None, late);
    merge(Some(&merge(None, early)), &[&late])
}

/// A HyperLogLog, as the string is and as one with a right header: what is sparse says the same when it is dense, and a register
/// that is raised is then the only one that has changed.
pub fn hyperloglog(bytes: &[u8]) {
    one_hyperloglog(bytes);
    let empty = HyperLogLog::empty();
    let with_header: Vec<u8> = empty.bytes().iter().take(16).chain(bytes).copied().collect();
    one_hyperloglog(&with_header);
}

/// A dense HyperLogLog whose registers are these bytes, again and again.
pub fn dense_hyperloglog(bytes: &[u8]) {
    let mut dense = HyperLogLog::empty();
    assert!(dense.make_dense().is_ok(), "what is empty is right");
    let header = dense.bytes().iter().take(16);
    let registers = bytes.iter().cycle().chain([&0].into_iter().cycle());
    let filled: Vec<u8> = header.chain(registers).take(dense.bytes().len()).copied().collect();
    one_hyperloglog(&filled);
}

fn one_hyperloglog(bytes: &[u8]) {
    let Ok(sketch) = HyperLogLog::decode(bytes.to_vec()) else {
        return;
    };
    assert_eq!(sketch.bytes(), bytes);
    let mut registers = Registers::default();
    let read = sketch.merge_into(&mut registers);
    let mut dense = sketch.clone();
    assert_eq!(dense.make_dense(), read);
    for (register, value) in [(0, 1), (77, 32), (8191, 2), (REGISTERS - 1, 33), (REGISTERS, 1), (5, 0)] {
        let mut other = sketch.clone();
        match other.raise(register, value) {
            Ok(is_raised) if read.is_ok() => {
                let held = registers.values().get(register).copied();
                assert_eq!(is_raised, held.is_some_and(|held| held < value));
                assert_eq!(dense.raise(register, value), Ok(is_raised));
                let mut again = Registers::default();
                assert_eq!(other.merge_into(&mut again), Ok(()));
                let mut wanted = registers.values().to_vec();
                wanted.iter_mut().skip(register).take(1).for_each(|held| *held = value.max(*held));
                assert_eq!(again.values(), wanted);
                assert_eq!(other.cached_count().is_some(), sketch.cached_count().is_some() && !is_raised);
            }
            Ok(_) => assert!(other.bytes().len() <= bytes.len() + 3),
            Err(flaw) => assert_eq!((flaw, &other, read), (Flaw::Damaged, &sketch, Err(Flaw::Damaged))),
        }
    }
}
