//! Every encoding says what its description means, and so do dumps of a real Redis.

use bytes::Bytes;
use windrow::encoding::DataType;
use windrow::rdb::{Element, checksum, open_payload};

use crate::{hostile, rdb};

fn read(value: &[u8]) -> (DataType, Vec<Element>) {
    hostile::read(value).unwrap()
}

fn text(bytes: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}

/// What the values of `every_encoding` hold, by the word that their names share.
fn expected(name: &str) -> (DataType, Vec<Element>) {
    let texts = || rdb::texts().into_iter().map(text);
    if name.contains("list of listpacks") {
        let long: Vec<u8> = (0..3000_u32).flat_map(|n| format!("{} ", n % 77).into_bytes()).collect();
        let mut items: Vec<Element> = texts().map(Element::Item).collect();
        items.insert(items.len() / 2, Element::Item(text(long)));
        return (DataType::List, items);
    }
    if name.contains("sorted set") {
        let scores = [1.5, f64::INFINITY, f64::NEG_INFINITY, -0.25, 3.0, 0.0];
        let mut ordered: Vec<(f64, Bytes)> = scores.into_iter().cycle().zip(texts()).collect();
        ordered.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        let elements = ordered.into_iter().map(|(score, member)| Element::Scored(member, score));
        return (DataType::SortedSet, elements.collect());
    }
    if name.contains("hash") || name.contains("zipmap") {
        let value = |field: &Bytes| text([b"of ", field.as_ref()].concat());
        return (DataType::Hash, texts().map(|field| Element::Field(field.clone(), value(&field))).collect());
    }
    if name.contains("list") {
        return (DataType::List, texts().map(Element::Item).collect());
    }
    (DataType::Set, texts().map(Element::Member).collect())
}

#[test]
fn every_encoding_is_read_as_it_is_described() {
    for (name, value) in rdb::every_encoding() {
        if name.contains("string") || name.contains("integer") || name.contains("intset") {
            continue;
        }
        assert!(read(&value) == expected(name), "{name}");
    }
}

#[test]
fn strings_and_integers_are_read_as_they_are_described() {
    let long: Vec<u8> = (0..3000_u32).flat_map(|n| format!("{} ", n % 77).into_bytes()).collect();
    let expected: [(&str, &[u8]); 7] = [
        ("a string", b"text"),
        ("an empty string", b""),
        ("an integer of one byte", b"-128"),
        ("an integer of two bytes", b"-32768"),
        ("an integer of four bytes", b"-2147483648"),
        ("a compressed string", &long),
        ("a string of a long length", b"abc"),
    ];
    let values = rdb::every_encoding();
    for ((name, value), (wanted, held)) in values.iter().zip(expected) {
        assert_eq!(*name, wanted);
        assert!(read(value) == (DataType::String, vec![Element::Text(text(held))]), "{name}");
    }
    let sets = [
        ("an intset of two bytes", vec![-1 << 15, -1, 0, 1, (1 << 15) - 1]),
        ("an intset of four bytes", vec![-1 << 31, -1 << 15, -1, 0, 1, (1 << 15) - 1, (1 << 31) - 1]),
        (
            "an intset of eight bytes",
            vec![i64::MIN, -1 << 31, -1 << 15, -1, 0, 1, (1 << 15) - 1, (1 << 31) - 1, i64::MAX],
        ),
    ];
    for (name, numbers) in sets {
        let (_, value) = values.iter().find(|(found, _)| *found == name).unwrap();
        let members = numbers.iter().map(|number| Element::Member(text(number.to_string()))).collect();
        assert_eq!(read(value), (DataType::Set, members), "{name}");
    }
}

#[test]
fn the_examples_of_the_descriptions_are_read() {
    // The ziplist of "2" and "5", and with "Hello World", from the head of ziplist.c.
    let two = b"\x0f\0\0\0\x0c\0\0\0\x02\0\x00\xf3\x02\xf6\xff";
    let item = |bytes: &str| Element::Item(text(bytes));
    let list = |bytes: &[u8]| read(&rdb::value(rdb::LIST_ZIPLIST, &[rdb::string(bytes)]));
    assert_eq!(list(two), (DataType::List, vec![item("2"), item("5")]));
    let three = b"\x1c\0\0\0\x0e\0\0\0\x03\0\x00\xf3\x02\xf6\x02\x0bHello World\xff";
    assert_eq!(list(three), (DataType::List, vec![item("2"), item("5"), item("Hello World")]));
    assert_eq!(rdb::ziplist(&["2", "5", "Hello World"]), three);
    // The zipmap of the head of zipmap.c.
    let map = b"\x02\x03foo\x03\x00bar\x05hello\x05\x00world\xff";
    let field = |name: &str, value: &str| Element::Field(text(name), text(value));
    let read = read(&rdb::value(rdb::HASH_ZIPMAP, &[rdb::string(map)]));
    assert_eq!(read, (DataType::Hash, vec![field("foo", "bar"), field("hello", "world")]));
}

#[test]
fn the_example_of_the_documentation_of_dump_is_read() {
    let payload = b"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb";
    let body = open_payload(payload).unwrap();
    assert_eq!(read(body), (DataType::String, vec![Element::Text(text("10"))]));
    assert_eq!(rdb::sealed(body), payload);
}

#[test]
fn sums_are_those_of_a_table_and_of_single_bits() {
    for length in 0..100_u8 {
        let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37)).collect();
        let sealed = rdb::sealed(&bytes);
        let (summed, sum) = sealed.split_last_chunk::<8>().unwrap();
        assert_eq!(checksum(summed).to_le_bytes(), *sum);
    }
}

#[test]
fn negative_zero_and_the_infinities_are_kept() {
    for score in [-0.0_f64, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX] {
        let bytes = hostile::written(DataType::SortedSet, &[Element::Scored(text("m"), score)]);
        let (_, elements) = read(&bytes);
        assert!(matches!(&elements[..], [Element::Scored(_, found)] if found.to_bits() == score.to_bits()));
    }
    let (_, elements) = read(&rdb::value(rdb::ZSET_LISTPACK, &[rdb::string(rdb::listpack(&["m", "-0"]))]));
    assert!(matches!(&elements[..], [Element::Scored(_, found)] if found.to_bits() == (-0.0_f64).to_bits()));
}

/// The dump of a real Redis with this name.
fn fixture(name: &str) -> Vec<u8> {
    let table = include_str!("../fixtures/rdb/redis-7.0.15.hex");
    let hex = table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn dumps_of_a_real_redis_are_read() {
    let field = |name: &str, value: &str| Element::Field(text(name), text(value));
    let scored = |member: &str, score: f64| Element::Scored(text(member), score);
    let items = |items: &[&str]| items.iter().map(|item| Element::Item(text(item))).collect::<Vec<_>>();
    let members = |members: &[&str]| members.iter().map(|member| Element::Member(text(member))).collect::<Vec<_>>();
    let (long, longer) = ("x".repeat(64), "y".repeat(65));
    let expected = [
        ("text", rdb::STRING, vec![Element::Text(text("some text"))]),
        ("integer", rdb::STRING, vec![Element::Text(text("-70000"))]),
        ("compressed", rdb::STRING, vec![Element::Text(text("again and ".repeat(30)))]),
        ("intset", rdb::SET_INTSET, members(&["-9000000000", "-1", "0", "5", "70000"])),
        (
            "hash_listpack",
            rdb::HASH_LISTPACK,
            vec![field("field", "value"), field("n", "-129"), field("empty", ""), field("long", &long)],
        ),
        (
            "zset_listpack",
            rdb::ZSET_LISTPACK,
            vec![scored("b", f64::NEG_INFINITY), scored("7", 0.1), scored("a", 1.5), scored("c", 3.0)],
        ),
        ("zset", rdb::ZSET_2, vec![scored(&"z".repeat(65), f64::INFINITY), scored("3", 3.0), scored("b", -0.25)]),
        ("list", rdb::LIST_QUICKLIST_2, items(&["a", "-4096", "", "70000", "9223372036854775807", "a"])),
        ("list_of_nodes", rdb::LIST_QUICKLIST_2, items(&["a", &"b".repeat(9000), "c"])),
    ];
    for (name, number, elements) in expected {
        let payload = fixture(name);
        let body = open_payload(&payload).unwrap();
        assert_eq!(body[0], number, "{name}");
        assert_eq!(read(body).1, elements, "{name}");
    }
    // Redis' hash tables have an order of their own.
    let sorted = |name: &str| {
        let mut elements = read(open_payload(&fixture(name)).unwrap()).1;
        elements.sort_by_key(|element| format!("{element:?}"));
        elements
    };
    let mut four = members(&["a", "", "7"]);
    four.push(Element::Member(Bytes::from_static(b"\xff\0")));
    four.sort_by_key(|element| format!("{element:?}"));
    assert_eq!(sorted("set"), four);
    assert_eq!(sorted("hash"), [field("7", "8"), field("field", &longer)]);
}
