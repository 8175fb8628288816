//! A random key of a keyspace, without a list of its keys.
//!
//! May use the reader. Invariant: what is chosen lives.
//!
//! Few records are read through. Else the keys are seen as a tree in which each byte of a key chooses a branch, and
//! several *draws* go down from its root: at each fork a draw takes one of the branches, and where few records are left,
//! any living one. So it knows the chance with which it found its key. One of the draws is kept, with a chance inverse
//! to that: what the shape of the tree makes too likely is seldom kept.
//!
//! On average, one divided by the chance of a draw is the number of keys. That number is known; so as long as the draws
//! speak for far fewer keys, most keys lie where no draw has been yet, and more are made.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use crate::encoding::{KeyspaceNo, Meta, MetaKey, UnixMillis, prefix_end};
use crate::error::Result;
use crate::expire::is_expired;
use crate::store::Cursor;
use crate::types::Reader;

/// A db of up to this many records is read through, and its keys all have the same chance. More: slower by about a
/// third of a microsecond each.
const FEW_IN_ALL: usize = 256;

/// Where a draw has this many records left, it reads them through. More: fewer seeks and more reads, at about the same
/// cost.
const FEW_IN_DRAW: usize = 48;

/// A fork's branches are looked for up to this many: enough for decimal and hexadecimal digits. At a fork with more that
/// is not the first, random bytes choose; a branch behind bytes that no key has is then likelier than others.
const FEW_BRANCHES: usize = 32;

/// At least so many draws are made. More: nearer to the same chance for all keys, and slower by as much.
const DRAWS: u32 = 8;

/// At most so many draws are made. More: the same for trees that are more lopsided; most of these draws meet only what
/// an earlier one has read.
const MAX_DRAWS: u32 = 512;

/// Draws go on until they speak for this share of all keys. Less: keys at which the tree is lopsided come too seldom.
const ENOUGH: f64 = 0.9;

/// Chooses a living key at random among about `count`, `None` if there is none. The reader has a snapshot.
pub(crate) fn choose(reader: &Reader, keyspace: KeyspaceNo, now: UnixMillis, count: u64) -> Result<Option<Bytes>> {
    let root = MetaKey::prefix(keyspace).to_vec();
    let Some(last) = reader.last_record(keyspace)? else {
        return Ok(None);
    };
    let cursor = reader.records(keyspace, &[]);
    let mut tree = Tree { reader, now, cursor, last, nodes: BTreeMap::new() };
    let all = tree.begin(&root, FEW_IN_ALL)?;
    if all.is_whole {
        return Ok(fastrand::choice(all.living));
    }
    #[expect(clippy::cast_precision_loss, reason = "about so many")]
    let wanted = count as f64 * ENOUGH;
    let mut kept = None;
    let mut total = 0.0;
    for draws in 1..=MAX_DRAWS {
        if let Some((key, weight)) = tree.draw(&root)? {
            total += weight;
            if fastrand::f64() * total < weight {
                kept = Some(key);
            }
        }
        if draws >= DRAWS && total >= wanted * f64::from(draws) {
            break;
        }
    }
    match kept {
        Some(key) => Ok(Some(key)),
        // Nearly everything has expired and was not reaped yet.
        None => tree.first_living(&root),
    }
}

/// The keys of a keyspace, as far as they were looked at.
struct Tree<'a> {
    reader: &'a Reader,
    now: UnixMillis,
    /// Over the whole keyspace.
    cursor: Cursor,
    /// The last key, as it is stored.
    last: Vec<u8>,
    /// By what their keys begin with.
    nodes: BTreeMap<Vec<u8>, Rc<Node>>,
}

/// The keys that begin alike.
enum Node {
    /// Few: those that live.
    Few(Vec<Bytes>),
    Fork(Fork),
}

/// Keys that go on with different bytes behind what they all begin with.
struct Fork {
    stem: Vec<u8>,
    /// Whether the stem is a key, and if so, that key if it lives.
    end: Option<Option<Bytes>>,
    branches: Branches,
}

enum Branches {
    Few(Vec<u8>),
    Many { low: u8, high: u8 },
}

/// The first records of a range.
struct Beginning {
    /// The first two keys, as they are stored.
    first: Vec<u8>,
    second: Vec<u8>,
    /// The user keys that live.
    living: Vec<Bytes>,
    /// Whether these are all.
    is_whole: bool,
}

impl Tree<'_> {
    /// Goes down the tree once; returns the key found and one divided by the chance of finding it. `None` where nothing
    /// lives.
    fn draw(&mut self, root: &[u8]) -> Result<Option<(Bytes, f64)>> {
        let mut weight = 1.0;
        let mut branch = root.to_vec();
        loop {
            let node = self.node(&branch)?;
            let fork = match &*node {
                Node::Few(living) => {
                    #[expect(clippy::cast_precision_loss, reason = "there are few")]
                    let weight = weight * living.len() as f64;
                    return Ok(fastrand::choice(living).map(|key| (key.clone(), weight)));
                }
                Node::Fork(fork) => fork,
            };
            let ways = fork.branches.ways() + usize::from(fork.end.is_some());
            #[expect(clippy::cast_precision_loss, reason = "a byte has few values")]
            let ways_weight = ways as f64;
            let way = fastrand::usize(..ways);
            weight *= ways_weight;
            if let (Some(end), true) = (&fork.end, way == fork.branches.ways()) {
                return Ok(end.clone().map(|key| (key, weight)));
            }
            let (byte, share) = self.follow(fork, way)?;
            weight /= f64::from(share);
            branch.clone_from(&fork.stem);
            branch.push(byte);
        }
    }

    fn node(&mut self, branch: &[u8]) -> Result<Rc<Node>> {
        if let Some(node) = self.nodes.get(branch) {
            return Ok(Rc::clone(node));
        }
        let node = Rc::new(self.look_at(branch)?);
        self.nodes.insert(branch.to_vec(), Rc::clone(&node));
        Ok(node)
    }

    fn look_at(&mut self, branch: &[u8]) -> Result<Node> {
        let Beginning { first, second, living, is_whole } = self.begin(branch, FEW_IN_DRAW)?;
        if is_whole {
            return Ok(Node::Few(living));
        }
        let last = self.last_of(branch)?;
        let depth = common(&first, &last);
        let (end, least) = if first.len() == depth {
            let user_key = self.user_key(&first)?;
            (Some(living.first().filter(|living| **living == user_key).cloned()), &second)
        } else {
            (None, &first)
        };
        let (Some(low), Some(high)) = (least.get(depth).copied(), last.get(depth).copied()) else {
            return Ok(Node::Few(living));
        };
        let stem = first.get(..depth).unwrap_or_default().to_vec();
        let branches = self.branches(&stem, low, high)?;
        Ok(Node::Fork(Fork { stem, end, branches }))
    }

    fn branches(&mut self, stem: &[u8], low: u8, high: u8) -> Result<Branches> {
        let mut found = vec![low];
        let mut byte = low;
        while byte < high {
            // The first fork is met by every draw, so it is worth a look at all its branches.
            if found.len() == FEW_BRANCHES && !self.nodes.is_empty() {
                return Ok(Branches::Many { low, high });
            }
            self.cursor.seek(&[stem, &[byte + 1]].concat());
            byte = self.byte_behind(stem)?.unwrap_or(high);
            found.push(byte);
        }
        Ok(Branches::Few(found))
    }

    /// Takes the branch that a way leads to; returns its byte and how many ways lead there.
    fn follow(&mut self, fork: &Fork, way: usize) -> Result<(u8, u8)> {
        let (low, high) = match &fork.branches {
            Branches::Few(bytes) => return Ok((bytes.get(way).copied().unwrap_or_default(), 1)),
            Branches::Many { low, high } => (*low, *high),
        };
        let wanted = low.saturating_add(u8::try_from(way).unwrap_or(u8::MAX));
        self.cursor.seek(&[fork.stem.as_slice(), &[wanted]].concat());
        let byte = self.byte_behind(&fork.stem)?.unwrap_or(high);
        if byte == low {
            return Ok((byte, 1));
        }
        // All ways above the branch before lead here. The cursor may stand within this one.
        self.cursor.seek(&[fork.stem.as_slice(), &[byte]].concat());
        self.cursor.retreat();
        let below = self.byte_behind(&fork.stem)?.unwrap_or(low);
        Ok((byte, byte.saturating_sub(below).max(1)))
    }

    /// The byte behind `stem` of the key under the cursor, if it begins so.
    fn byte_behind(&self, stem: &[u8]) -> Result<Option<u8>> {
        let entry = self.cursor.entry()?;
        Ok(entry.and_then(|(key, _)| key.strip_prefix(stem)?.first().copied()))
    }

    /// Reads the first records that begin with `prefix`.
    fn begin(&mut self, prefix: &[u8], limit: usize) -> Result<Beginning> {
        let mut begun = Beginning { first: Vec::new(), second: Vec::new(), living: Vec::new(), is_whole: true };
        self.cursor.seek(prefix);
        for place in 0..=limit {
            let Some((key, record)) = self.cursor.entry()?.filter(|(key, _)| key.starts_with(prefix)) else {
                return Ok(begun);
            };
            match place {
                0 => begun.first.extend_from_slice(key),
                1 => begun.second.extend_from_slice(key),
                _ => {}
            }
            if !is_expired(&Meta::decode(record)?, self.now) {
                begun.living.push(self.user_key(key)?);
            }
            self.cursor.advance();
        }
        begun.is_whole = false;
        Ok(begun)
    }

    /// The last key that begins with `prefix`, which some key does.
    fn last_of(&mut self, prefix: &[u8]) -> Result<Vec<u8>> {
        if self.last.starts_with(prefix) {
            return Ok(self.last.clone());
        }
        self.cursor.seek(&prefix_end(prefix).unwrap_or_default());
        self.cursor.retreat();
        Ok(self.cursor.entry()?.map(|(key, _)| key.to_vec()).unwrap_or_default())
    }

    fn user_key(&self, key: &[u8]) -> Result<Bytes> {
        Ok(Bytes::copy_from_slice(MetaKey::decode(self.reader.layout(), key)?.user_key))
    }

    fn first_living(&mut self, root: &[u8]) -> Result<Option<Bytes>> {
        self.cursor.seek(root);
        while let Some((key, record)) = self.cursor.entry()? {
            if !is_expired(&Meta::decode(record)?, self.now) {
                return self.user_key(key).map(Some);
            }
            self.cursor.advance();
        }
        Ok(None)
    }
}

impl Branches {
    /// How many ways lead on.
    fn ways(&self) -> usize {
        match self {
            Self::Few(bytes) => bytes.len(),
            Self::Many { low, high } => usize::from(high - low) + 1,
        }
    }
}

/// The length of what both begin with.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
