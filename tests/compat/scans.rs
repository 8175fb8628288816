//! Scans over a collection: windrow's is driven to its end, page by page, and the union compared with Redis' one.
//!
//! Uses the replies. Invariant: windrow gives each name once, and Redis at least once.

use windrow::{ErrorKind, ScanCursor, ScanOptions, ScanPage, Writable};

use crate::command::{Command, Handler, Mirror, Run};
use crate::draw::Draw;
use crate::resp::Reply;

/// More than any collection has: with this count Redis ends a scan in one page.
const ALL: u64 = 10_000_000;

/// Patterns with every sign that has a meaning, and with signs that lost theirs.
const PATTERNS: [&[u8]; 26] = [
    b"*", b"m*", b"m[1-3]", b"?", b"??", b"n?0", b"[^m]*", b"[^m", b"", b"\\*", b"m\\1", b"m\\", b"[", b"m[", b"[]m]*",
    b"*[0-9]", b"**1", b"*m*", b"[3-1]", b"m[\\1-]", b"L*L", b"*\xff", b"\0*", b"m\0", b"[m-n]1?", b"*1*0",
];

/// Adds the cursor, and at times a pattern and the size of a page.
pub(crate) fn draw_scan(draw: &mut Draw, command: Command) -> Command {
    let mut command = command.int(0);
    if draw.once_in(2) {
        command = command.arg("MATCH").arg(draw.pick(&PATTERNS));
    }
    match draw.below(12) {
        0..=2 => command,
        3 => command.arg("COUNT").int(0),
        _ => command.arg("COUNT").int(draw.pick(&[1, 1, 2, 3, 5, 10, 50, 1000])),
    }
}

/// Reads all pages of a scan. The cursor goes from page to page as bytes, as a client of a server would keep it.
pub(crate) fn drive<T>(
    command: &Command,
    mut page: impl FnMut(&ScanCursor, ScanOptions<'_>) -> windrow::Result<ScanPage<T>>,
) -> windrow::Result<Vec<T>> {
    let mut options = ScanOptions::new();
    if let Some(place) = command.args[2..].iter().position(|arg| arg == b"MATCH") {
        options = options.matching(&command.args[2 + place + 1]);
    }
    let count = command.number_after(2, "COUNT");
    if let Some(count) = count {
        options = options.count(count);
    }
    let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
    while !cursor.is_finished() {
        let next = page(&cursor, options)?;
        // 10 is what Redis, too, takes for a count that is not said.
        assert!(next.items.len() as u64 <= count.unwrap_or(10), "a page of {command} is too long");
        found.extend(next.items);
        // Else this would go on for ever.
        assert_ne!(next.cursor, cursor, "{command} stands still");
        cursor = ScanCursor::from_bytes(next.cursor.as_bytes())?;
    }
    Ok(found)
}

/// What Redis answers when a scan gave these items and ended, or could not be done.
pub(crate) fn reply(found: windrow::Result<Reply>) -> windrow::Result<Reply> {
    match found {
        Ok(items) => Ok(Reply::Array(Some(vec![Reply::bytes("0"), items]))),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Reply::Error("ERR syntax error".to_owned())),
        Err(error) => Err(error),
    }
}

/// A scan whose names come alone.
pub(crate) fn of_names<S: Writable>(name: &'static str, run: Run<S>) -> Handler<S> {
    Handler::mirrored(name, run, Mirror { commands: ask, is_legal: |_, ours, theirs| agree(ours, &theirs[0], 1) })
}

/// A scan whose names come with a value each.
pub(crate) fn of_pairs<S: Writable>(name: &'static str, run: Run<S>) -> Handler<S> {
    Handler::mirrored(name, run, Mirror { commands: ask, is_legal: |_, ours, theirs| agree(ours, &theirs[0], 2) })
}

/// The same scan in one page.
pub(crate) fn ask(command: &Command, _ours: &Reply) -> Vec<Command> {
    let mut command = command.clone();
    match command.args.iter().rposition(|arg| arg == b"COUNT") {
        Some(place) if command.number::<u64>(place + 1) == 0 => {}
        Some(place) => command.args[place + 1] = ALL.to_string().into_bytes(),
        None => command = command.arg("COUNT").int(ALL),
    }
    vec![command]
}

/// Whether two scans gave the same entries, of so many items each. Redis may repeat some, windrow none.
pub(crate) fn agree(ours: &Reply, theirs: &Reply, width: usize) -> bool {
    let entries = |reply: &Reply| match reply {
        Reply::Array(Some(page)) => match page.as_slice() {
            [cursor, Reply::Array(Some(items))] if *cursor == Reply::bytes("0") => {
                let mut entries: Vec<Vec<Reply>> = items.chunks(width).map(<[Reply]>::to_vec).collect();
                entries.sort();
                Some(entries)
            }
            _ => None,
        },
        _ => None,
    };
    match (entries(ours), entries(theirs)) {
        (Some(ours), Some(mut theirs)) => {
            theirs.dedup();
            ours == theirs
        }
        _ => ours == theirs,
    }
}
