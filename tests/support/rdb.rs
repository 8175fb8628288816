//! Redis' encodings, built by hand from their descriptions: see `docs/dumps.md`.
//!
//! Uses nothing of windrow, so that both can be wrong only if both misread the same text.

use std::collections::HashMap;

/// What begins each value: the constants of `rdb.h`.
pub(crate) const STRING: u8 = 0;
pub(crate) const LIST: u8 = 1;
pub(crate) const SET: u8 = 2;
pub(crate) const ZSET: u8 = 3;
pub(crate) const HASH: u8 = 4;
pub(crate) const ZSET_2: u8 = 5;
pub(crate) const HASH_ZIPMAP: u8 = 9;
pub(crate) const LIST_ZIPLIST: u8 = 10;
pub(crate) const SET_INTSET: u8 = 11;
pub(crate) const ZSET_ZIPLIST: u8 = 12;
pub(crate) const HASH_ZIPLIST: u8 = 13;
pub(crate) const LIST_QUICKLIST: u8 = 14;
pub(crate) const HASH_LISTPACK: u8 = 16;
pub(crate) const ZSET_LISTPACK: u8 = 17;
pub(crate) const LIST_QUICKLIST_2: u8 = 18;

/// The value of a type, without a footer.
pub(crate) fn value(number: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    [vec![number], parts.concat()].concat()
}

/// Puts the footer behind a value: version 10, and the checksum, bit by bit.
pub(crate) fn sealed(value: &[u8]) -> Vec<u8> {
    let mut payload = [value, &[10, 0]].concat();
    let sum = payload.iter().fold(0_u64, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0x95AC_9329_AC4B_C9B5 } else { 0 })
    });
    payload.extend(sum.to_le_bytes());
    payload
}

/// A length in its shortest form.
pub(crate) fn length(length: usize) -> Vec<u8> {
    match length {
        0..64 => vec![length as u8],
        64..16_384 => vec![0x40 | (length >> 8) as u8, length as u8],
        _ => [vec![0x80], (length as u32).to_be_bytes().to_vec()].concat(),
    }
}

/// A string as it is.
pub(crate) fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    [length(bytes.as_ref().len()), bytes.as_ref().to_vec()].concat()
}

/// A compressed string.
pub(crate) fn compressed(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let small = lzf(bytes.as_ref());
    [vec![0xC3], length(small.len()), length(bytes.as_ref().len()), small].concat()
}

/// Compresses as LZF does: bytes as they are, and repetitions of at least three.
pub(crate) fn lzf(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut plain, mut seen, mut at) = (Vec::new(), Vec::new(), HashMap::new(), 0);
    while at < bytes.len() {
        let found = bytes.get(at..at + 3).and_then(|three| seen.insert(three.to_vec(), at));
        match found.filter(|start| at - start <= 8192) {
            Some(start) => {
                end_plain(&mut out, &mut plain);
                let most = (bytes.len() - at).min(264);
                let repeated = (0..most).take_while(|n| bytes[start + n] == bytes[at + n]).count();
                let back = at - start - 1;
                if repeated < 9 {
                    out.push(((repeated - 2) << 5 | back >> 8) as u8);
                } else {
                    out.push((7 << 5 | back >> 8) as u8);
                    out.push((repeated - 9) as u8);
                }
                out.push(back as u8);
                at += repeated;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
                if plain.len() == 32 {
                    end_plain(&mut out, &mut plain);
                }
            }
        }
    }
    end_plain(&mut out, &mut plain);
    out
}

fn end_plain(out: &mut Vec<u8>, plain: &mut Vec<u8>) {
    if !plain.is_empty() {
        out.push((plain.len() - 1) as u8);
        out.append(plain);
    }
}

/// The number that Redis would keep in place of this text.
fn number(text: &[u8]) -> Option<i64> {
    let number = std::str::from_utf8(text).ok()?.parse::<i64>().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

/// A listpack, with numbers as numbers.
pub(crate) fn listpack<E: AsRef<[u8]>>(entries: &[E]) -> Vec<u8> {
    listpack_of(&entries.iter().map(|entry| listpack_entry(entry.as_ref())).collect::<Vec<_>>())
}

/// A listpack of encoded entries, which lack only the length that stands behind each.
pub(crate) fn listpack_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let body: Vec<u8> = entries.iter().flat_map(|entry| [entry.clone(), back_length(entry.len())].concat()).collect();
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    [&(body.len() as u32 + 7).to_le_bytes()[..], &count.to_le_bytes(), &body, &[0xFF]].concat()
}

/// An entry in the form that Redis chooses.
pub(crate) fn listpack_entry(text: &[u8]) -> Vec<u8> {
    match number(text) {
        Some(number @ 0..=127) => vec![number as u8],
        Some(number @ -4096..=4095) => vec![0xC0 | (number >> 8 & 0x1F) as u8, number as u8],
        Some(number @ -32_768..=32_767) => wide_number(0xF1, number, 2),
        Some(number @ -8_388_608..=8_388_607) => wide_number(0xF2, number, 3),
        Some(number @ -2_147_483_648..=2_147_483_647) => wide_number(0xF3, number, 4),
        Some(number) => wide_number(0xF4, number, 8),
        None => match text.len() {
            bytes @ 0..64 => [&[0x80 | bytes as u8], text].concat(),
            bytes @ 64..4096 => [&[0xE0 | (bytes >> 8) as u8, bytes as u8], text].concat(),
            bytes => [&[0xF0], &(bytes as u32).to_le_bytes()[..], text].concat(),
        },
    }
}

/// A number of so many bytes behind the byte that says so.
pub(crate) fn wide_number(first: u8, number: i64, bytes: usize) -> Vec<u8> {
    [&[first], &number.to_le_bytes()[..bytes]].concat()
}

fn back_length(bytes: usize) -> Vec<u8> {
    let groups = [127, 16_382, 2_097_150, 268_435_454].iter().filter(|most| bytes > **most).count();
    let group = |n: usize| (bytes >> (7 * n) & 0x7F) as u8 | if n == groups { 0 } else { 0x80 };
    (0..=groups).rev().map(group).collect()
}

/// A ziplist, with numbers as numbers.
pub(crate) fn ziplist<E: AsRef<[u8]>>(entries: &[E]) -> Vec<u8> {
    ziplist_of(&entries.iter().map(|entry| ziplist_entry(entry.as_ref())).collect::<Vec<_>>())
}

/// A ziplist of encoded entries, which lack only the length of the one before.
pub(crate) fn ziplist_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let (mut body, mut last, mut before) = (Vec::new(), 10, 0_usize);
    for entry in entries {
        last = 10 + body.len();
        let start = body.len();
        match before {
            0..254 => body.push(before as u8),
            _ => body.extend([&[0xFE], &(before as u32).to_le_bytes()[..]].concat()),
        }
        body.extend(entry);
        before = body.len() - start;
    }
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    let total = body.len() as u32 + 11;
    [&total.to_le_bytes()[..], &(last as u32).to_le_bytes(), &count.to_le_bytes(), &body, &[0xFF]].concat()
}

fn ziplist_entry(text: &[u8]) -> Vec<u8> {
    match number(text) {
        Some(number @ 0..=12) => vec![0xF1 + number as u8],
        Some(number @ -128..=127) => wide_number(0xFE, number, 1),
        Some(number @ -32_768..=32_767) => wide_number(0xC0, number, 2),
        Some(number @ -8_388_608..=8_388_607) => wide_number(0xF0, number, 3),
        Some(number @ -2_147_483_648..=2_147_483_647) => wide_number(0xD0, number, 4),
        Some(number) => wide_number(0xE0, number, 8),
        None => match text.len() {
            bytes @ 0..64 => [&[bytes as u8], text].concat(),
            bytes @ 64..16_384 => [&[0x40 | (bytes >> 8) as u8, bytes as u8], text].concat(),
            bytes => [&[0x80], &(bytes as u32).to_be_bytes()[..], text].concat(),
        },
    }
}

/// A zipmap. Every second value has a few unused bytes behind it.
pub(crate) fn zipmap<E: AsRef<[u8]>>(entries: &[(E, E)]) -> Vec<u8> {
    let long = |bytes: usize| match bytes {
        0..254 => vec![bytes as u8],
        _ => [&[0xFE], &(bytes as u32).to_le_bytes()[..]].concat(),
    };
    let mut map = vec![u8::try_from(entries.len()).unwrap_or(u8::MAX).min(254)];
    for (place, (field, value)) in entries.iter().enumerate() {
        let (field, value) = (field.as_ref(), value.as_ref());
        let unused = place % 2 * 3;
        map.extend([long(field.len()), field.to_vec(), long(value.len()), vec![unused as u8], value.to_vec()].concat());
        map.extend(vec![b'?'; unused]);
    }
    map.push(0xFF);
    map
}

/// An intset of numbers that take so many bytes each.
pub(crate) fn intset(width: usize, numbers: &[i64]) -> Vec<u8> {
    let numbers_bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()[..width].to_vec()).collect();
    [&(width as u32).to_le_bytes()[..], &(numbers.len() as u32).to_le_bytes(), &numbers_bytes].concat()
}

/// A list of nodes of before Redis 7.0, each a ziplist.
pub(crate) fn quicklist(nodes: &[Vec<u8>]) -> Vec<u8> {
    let nodes_bytes: Vec<Vec<u8>> = nodes.iter().map(string).collect();
    [length(nodes.len()), nodes_bytes.concat()].concat()
}

/// A node of a list of Redis 7.0.
pub(crate) enum Node {
    Plain(Vec<u8>),
    Packed(Vec<u8>),
}

/// A list of nodes of Redis 7.0.
pub(crate) fn quicklist_2(nodes: &[Node]) -> Vec<u8> {
    let node = |node: &Node| match node {
        Node::Plain(item) => [length(1), string(item)].concat(),
        Node::Packed(listpack) => [length(2), compressed(listpack)].concat(),
    };
    [length(nodes.len()), nodes.iter().flat_map(node).collect()].concat()
}

/// The value of every encoding that Redis 7.0 reads, each with a name. Together they meet every form of a number and a text.
pub(crate) fn every_encoding() -> Vec<(&'static str, Vec<u8>)> {
    let texts = texts();
    let long: Vec<u8> = (0..3000_u32).flat_map(|n| format!("{} ", n % 77).into_bytes()).collect();
    let scores = ["1.5", "inf", "-inf", "-0.25", "3", "0"];
    let mut ordered: Vec<(&str, &Vec<u8>)> = scores.into_iter().cycle().zip(&texts).collect();
    // As Redis holds them: it does not put in order what lies in a listpack.
    ordered.sort_by(|a, b| number_of(a.0).total_cmp(&number_of(b.0)).then_with(|| a.1.cmp(b.1)));
    let scored: Vec<Vec<u8>> =
        ordered.iter().flat_map(|(score, text)| [text.to_vec(), score.as_bytes().to_vec()]).collect();
    let old_score = |score: &str| match score {
        "inf" => vec![0xFE],
        "-inf" => vec![0xFF],
        text => [vec![text.len() as u8], text.as_bytes().to_vec()].concat(),
    };
    let old: Vec<u8> = scored
        .chunks(2)
        .flat_map(|pair| [string(&pair[0]), old_score(std::str::from_utf8(&pair[1]).unwrap())].concat())
        .collect();
    let binary = |text: &[u8]| number_of(std::str::from_utf8(text).unwrap()).to_le_bytes().to_vec();
    let new: Vec<u8> = scored.chunks(2).flat_map(|pair| [string(&pair[0]), binary(&pair[1])].concat()).collect();
    let count = length(texts.len());
    let strings: Vec<u8> = texts.iter().flat_map(string).collect();
    let pairs: Vec<(Vec<u8>, Vec<u8>)> =
        texts.iter().map(|text| (text.clone(), [b"of ", text.as_slice()].concat())).collect();
    let flat: Vec<Vec<u8>> = pairs.iter().flat_map(|(field, value)| [field.clone(), value.clone()]).collect();
    let plain_pairs: Vec<u8> = flat.iter().flat_map(string).collect();
    let edges = [i64::MIN, -1 << 31, -1 << 15, -1, 0, 1, (1 << 15) - 1, (1 << 31) - 1, i64::MAX];
    let (half, rest) = texts.split_at(texts.len() / 2);
    vec![
        ("a string", value(STRING, &[string("text")])),
        ("an empty string", value(STRING, &[string("")])),
        ("an integer of one byte", value(STRING, &[vec![0xC0, 0x80]])),
        ("an integer of two bytes", value(STRING, &[vec![0xC1, 0x00, 0x80]])),
        ("an integer of four bytes", value(STRING, &[vec![0xC2, 0x00, 0x00, 0x00, 0x80]])),
        ("a compressed string", value(STRING, &[compressed(&long)])),
        ("a string of a long length", value(STRING, &[vec![0x81, 0, 0, 0, 0, 0, 0, 0, 3], b"abc".to_vec()])),
        ("a list", value(LIST, &[count.clone(), strings.clone()])),
        ("a set", value(SET, &[count.clone(), strings])),
        ("a sorted set of old scores", value(ZSET, &[count.clone(), old])),
        ("a hash", value(HASH, &[count.clone(), plain_pairs])),
        ("a sorted set", value(ZSET_2, &[count, new])),
        ("a zipmap", value(HASH_ZIPMAP, &[string(zipmap(&pairs))])),
        ("a list in a ziplist", value(LIST_ZIPLIST, &[string(ziplist(&texts))])),
        ("an intset of two bytes", value(SET_INTSET, &[string(intset(2, &edges[2..7]))])),
        ("an intset of four bytes", value(SET_INTSET, &[string(intset(4, &edges[1..8]))])),
        ("an intset of eight bytes", value(SET_INTSET, &[string(intset(8, &edges))])),
        ("a sorted set in a ziplist", value(ZSET_ZIPLIST, &[string(ziplist(&scored))])),
        ("a hash in a ziplist", value(HASH_ZIPLIST, &[compressed(ziplist(&flat))])),
        (
            "a list of ziplists",
            value(LIST_QUICKLIST, &[quicklist(&[ziplist(half), ziplist::<&[u8]>(&[]), ziplist(rest)])]),
        ),
        ("a hash in a listpack", value(HASH_LISTPACK, &[string(listpack(&flat))])),
        ("a sorted set in a listpack", value(ZSET_LISTPACK, &[compressed(listpack(&scored))])),
        (
            "a list of listpacks and single items",
            value(
                LIST_QUICKLIST_2,
                &[quicklist_2(&[
                    Node::Packed(listpack(half)),
                    Node::Plain(long),
                    Node::Packed(listpack::<&[u8]>(&[])),
                    Node::Packed(listpack(rest)),
                ])],
            ),
        ),
    ]
}

fn number_of(score: &str) -> f64 {
    score.parse().unwrap()
}

/// Different texts of every length at which a form changes, numbers at every edge of their forms, and near misses.
pub(crate) fn texts() -> Vec<Vec<u8>> {
    let numbers = [
        "0",
        "12",
        "13",
        "127",
        "128",
        "-1",
        "-128",
        "-129",
        "4095",
        "4096",
        "-4096",
        "-4097",
        "32767",
        "32768",
        "-32768",
        "-32769",
        "8388607",
        "8388608",
        "-8388608",
        "-8388609",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "007",
        "-0",
        "+1",
        " 1",
        "1 ",
        "",
        "-",
    ];
    let lengths =
        [1, 63, 64, 126, 127, 128, 252, 253, 254, 255, 4095, 4096, 16_376, 16_377, 16_378, 16_379, 16_383, 16_384];
    let text = |length: usize| (0..length).map(|n| (length + n * n) as u8).collect();
    numbers.iter().map(|number| number.as_bytes().to_vec()).chain(lengths.map(text)).collect()
}
