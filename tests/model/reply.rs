//! Replies in one shape, so that those of the store and those of the model can be compared.
//!
//! Invariant: two replies are equal exactly if a caller could not tell them apart.

use std::fmt;

use bytes::Bytes;
use windrow::{ErrorKind, LongDouble, ScanCursor, ScanPage, SetOutcome, ZAddOutcome};

use crate::draw::{Word, show};

/// A reply, or the refusal.
pub(crate) type Answer = Result<Reply, ErrorKind>;

#[derive(Clone, PartialEq)]
pub(crate) enum Reply {
    Nothing,
    Truth(bool),
    Number(i128),
    Score(f64),
    Bytes(Bytes),
    Many(Vec<Reply>),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Truth(truth) => truth.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Score(score) => score.fmt(f),
            Self::Bytes(bytes) => show(bytes, f),
            Self::Many(replies) => f.debug_list().entries(replies).finish(),
        }
    }
}

macro_rules! reply_of {
    ($($type:ty: $value:ident => $reply:expr;)*) => {
        $(impl From<$type> for Reply {
            fn from($value: $type) -> Self {
                $reply
            }
        })*
    };
}

reply_of! {
    (): _nothing => Self::Nothing;
    bool: truth => Self::Truth(truth);
    u64: number => Self::Number(number.into());
    usize: number => Self::Number(number as i128);
    i64: number => Self::Number(number.into());
    f64: score => Self::Score(score);
    Bytes: bytes => Self::Bytes(bytes);
    &'static str: text => Self::Bytes(Bytes::from_static(text.as_bytes()));
    Word: word => Self::Bytes(word.bytes());
    LongDouble: number => Self::Bytes(number.to_string().into());
    SetOutcome: outcome => (outcome.was_set, outcome.previous).into();
    ZAddOutcome: outcome => (outcome.added, outcome.updated).into();
}

impl<T: Into<Self>> From<Option<T>> for Reply {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Reply {
    fn from(values: Vec<T>) -> Self {
        Self::Many(values.into_iter().map(Into::into).collect())
    }
}

impl<A: Into<Self>, B: Into<Self>> From<(A, B)> for Reply {
    fn from((a, b): (A, B)) -> Self {
        Self::Many(vec![a.into(), b.into()])
    }
}

/// Makes one reply of many.
pub(crate) fn many<T: Into<Reply>>(values: impl IntoIterator<Item = T>) -> Reply {
    values.into_iter().collect::<Vec<T>>().into()
}

/// Reads a walk to its end.
pub(crate) fn walked<T: Into<Reply>>(walk: impl Iterator<Item = windrow::Result<T>>) -> windrow::Result<Reply> {
    Ok(walk.collect::<windrow::Result<Vec<T>>>()?.into())
}

/// Reads page after page.
pub(crate) fn scanned<T: Into<Reply>>(
    mut scan: impl FnMut(&ScanCursor) -> windrow::Result<ScanPage<T>>,
) -> windrow::Result<Reply> {
    let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
    while !cursor.is_finished() && found.len() < 1000 {
        let page = scan(&cursor)?;
        found.extend(page.items);
        cursor = page.cursor;
    }
    Ok(found.into())
}

/// What may be chosen at random: `count` of `all`, different ones unless they may be repeated. If the store chose so, its
/// choice; else another one, which is then seen to differ.
pub(crate) fn chosen(found: &Answer, all: Vec<Reply>, count: u64, is_repeated: bool) -> Vec<Reply> {
    let wanted = match (is_repeated, all.len()) {
        (_, 0) => 0,
        (true, _) => count as usize,
        (false, size) => size.min(count as usize),
    };
    match found {
        Ok(Reply::Many(chosen)) if chosen.len() == wanted => {
            let is_new = |n: usize| is_repeated || !chosen[..n].contains(&chosen[n]);
            let is_right = (0..wanted).all(|n| all.contains(&chosen[n]) && is_new(n));
            if is_right { chosen.clone() } else { all }
        }
        _ => all,
    }
}
