//! Which words of a command are keys.
//!
//! May use the table. Invariant: every key that a handler of keys touches is among them; a word that cannot be read as what it
//! should be gives none, and the handler refuses it.

use bytes::Bytes;

use super::arguments::{integer, is};
use super::{Command, geo_search};

/// The keys among `words`, whose first `names` name the command.
pub(crate) fn keys_of<'a>(command: &Command, words: &'a [Bytes], names: usize) -> Vec<&'a Bytes> {
    let args = words.get(names..).unwrap_or_default();
    match command.name {
        "zunion" | "zinter" | "zdiff" | "sintercard" | "zintercard" | "lmpop" | "zmpop" => numbered(args),
        "blmpop" | "bzmpop" => numbered(args.get(1..).unwrap_or_default()),
        "zunionstore" | "zinterstore" | "zdiffstore" => {
            args.first().into_iter().chain(numbered(args.get(1..).unwrap_or_default())).collect()
        }
        "sort" => {
            let place = args.iter().rposition(|word| is(word, "STORE"));
            let destination = place.and_then(|place| args.get(place + 1));
            args.first().into_iter().chain(destination).collect()
        }
        "georadius" | "georadiusbymember" => args.first().into_iter().chain(geo_search::destination(args)).collect(),
        _ => stepped(command, words),
    }
}

/// Keys behind their number.
fn numbered(args: &[Bytes]) -> Vec<&Bytes> {
    let Some((count, rest)) = args.split_first() else {
        return Vec::new();
    };
    let count = integer(count).ok().and_then(|count| usize::try_from(count).ok());
    count.and_then(|count| rest.get(..count)).unwrap_or_default().iter().collect()
}

/// Keys at the places that the table tells.
fn stepped<'a>(command: &Command, words: &'a [Bytes]) -> Vec<&'a Bytes> {
    let [first, last, step] = command.keys;
    let (Ok(first), Ok(step)) = (usize::try_from(first), usize::try_from(step)) else {
        return Vec::new();
    };
    if first == 0 || step == 0 {
        return Vec::new();
    }
    let end = match usize::try_from(last) {
        Ok(last) => last.saturating_add(1).min(words.len()),
        Err(_) => words.len().saturating_sub(usize::try_from(last.unsigned_abs()).unwrap_or(0) - 1),
    };
    words.get(first..end).unwrap_or_default().iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::commands::find;

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let cases = [
            ("get k", "k"),
            ("mget a b c", "a b c"),
            ("mset a 1 b 2", "a b"),
            ("smove a b m", "a b"),
            ("bitop and d a b", "d a b"),
            ("zunion 2 a b weights 1 2", "a b"),
            ("zunionstore d 2 a b", "d a b"),
            ("lmpop 3 a", ""),
            ("lmpop x a", ""),
            ("blmpop 0 2 a b left", "a b"),
            ("blpop a b 0", "a b"),
            ("blmove a b left left 0", "a b"),
            ("brpoplpush a b 0", "a b"),
            ("sort k by x store d", "k d"),
            ("sort k", "k"),
            ("georadius k 1 2 3 m store d", "k d"),
            ("geosearchstore d k x", "d k"),
            ("ping", ""),
            ("zrangestore d s 0 1", "d s"),
            ("pfcount a b", "a b"),
            ("rename a b", "a b"),
        ];
        for (line, expected) in cases {
            let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
            let known = find(&words[0], None).unwrap();
            let found: Vec<&str> =
                keys_of(known.command, &words, 1).into_iter().map(|key| std::str::from_utf8(key).unwrap()).collect();
            assert_eq!(found.join(" "), expected, "{line}");
        }
    }
}
