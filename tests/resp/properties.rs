//! The same for bytes that are nearly requests.

use proptest::prelude::*;

use crate::total::all;

/// A piece of a request, or of none.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..4_usize).prop_map(|words| format!("*{words}\r\n").into_bytes()),
        8 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(|word| {
            [format!("${}\r\n", word.len()).as_bytes(), &word, b"\r\n"].concat()
        }),
        2 => "[a-z\"' \\\\x0-9]{0,30}\r?\n".prop_map(String::into_bytes),
        1 => (-3..400_i64).prop_map(|number| format!("*{number}\r\n").into_bytes()),
        1 => (-3..20_000_i64).prop_map(|number| format!("${number}\r\n").into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => Just(vec![b'a'; 250]),
        1 => Just(vec![b'x'; 5001]),
    ]
}

proptest! {
    #[test]
    fn requests_are_the_same_however_they_come(pieces in proptest::collection::vec(piece(), 0..12)) {
        all(&pieces.concat());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        all(&bytes);
    }
}

#[test]
fn whole_pipelines_are_read() {
    let mut bytes = Vec::new();
    windrow::resp::write_command(&mut bytes, &["a"; 12]);
    for number in 0..50 {
        windrow::resp::write_command(&mut bytes, &["SET".to_owned(), format!("k{number}"), "v".repeat(number)]);
        bytes.extend_from_slice(b"GET \"a\\x00b\" 'c d'\r\n\r\n");
    }
    all(&bytes);
}
