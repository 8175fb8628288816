//! The order in which Redis tells what one operation does to several keys.
//!
//! Uses the kinds of events. Invariant: the events of one key stay in their order.

use crate::types::EventKind;

/// Orders the notes of an operation, which come for each key in the order of its targets. Keys that nothing happened to are left out.
///
/// Redis tells key by key, the source of what moves first, with two exceptions: a key that comes into being by RENAME or MOVE is told to be
/// new before the old one is told to go; and what moves between lists is told of the list that gets it first.
pub(in crate::engine) fn in_redis_order(notes: Vec<Vec<EventKind>>) -> Vec<(usize, Vec<EventKind>)> {
    use EventKind as Kind;
    let mut told: Vec<_> = notes.into_iter().enumerate().filter(|(_, kinds)| !kinds.is_empty()).collect();
    let [(_, from), (to, kinds)] = told.as_mut_slice() else {
        return told;
    };
    match (from.first(), kinds.first(), kinds.last()) {
        (Some(Kind::RenameFrom | Kind::MoveFrom), Some(Kind::New), _) => {
            let new = (*to, vec![kinds.remove(0)]);
            told.insert(0, new);
        }
        (Some(Kind::LPop | Kind::RPop), _, Some(Kind::LPush | Kind::RPush)) => told.swap(0, 1),
        _ => {}
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind as Kind;

    #[test]
    fn what_moves_is_told_as_redis_tells_it() {
        let told = in_redis_order(vec![vec![Kind::RenameFrom], vec![Kind::New, Kind::RenameTo]]);
        assert_eq!(told, [(1, vec![Kind::New]), (0, vec![Kind::RenameFrom]), (1, vec![Kind::RenameTo])]);
        let told = in_redis_order(vec![vec![Kind::LPop, Kind::Del], vec![Kind::RPush]]);
        assert_eq!(told, [(1, vec![Kind::RPush]), (0, vec![Kind::LPop, Kind::Del])]);
        let told = in_redis_order(vec![vec![Kind::SRem], vec![], vec![Kind::New, Kind::SAdd]]);
        assert_eq!(told, [(0, vec![Kind::SRem]), (2, vec![Kind::New, Kind::SAdd])]);
        assert_eq!(in_redis_order(vec![vec![], vec![Kind::Set]]), [(1, vec![Kind::Set])]);
    }
}
