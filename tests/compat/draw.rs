//! What commands are made of: few keys, few members, and the values at which code goes wrong.
//!
//! Uses the random numbers alone. Invariant: the same seed draws the same commands.

use std::ops::Range;

use fastrand::Rng;

/// How many dbs are used; most commands go to the first.
pub(crate) const DBS: u32 = 2;

/// All keys. Every type uses all of them, so that commands meet keys of other types.
pub(crate) const KEYS: [&[u8]; 6] = [b"k1", b"k2", b"k3", b"", b"k\xff\0", b"dest"];

/// 2100-01-01, in milliseconds: no test sees it.
const FAR: i64 = 4_102_444_800_000;

/// Lengths around windrow's limits (inline, pieces) and Redis' (embedded strings, listpacks).
const LENGTHS: [usize; 16] = [0, 1, 44, 45, 64, 65, 99, 100, 101, 1023, 1024, 1025, 5000, 16_383, 16_384, 16_385];

/// The random numbers of a run, and what is drawn with them.
pub(crate) struct Draw {
    random: Rng,
    /// Keys that are drawn more often than others.
    favoured: Vec<&'static [u8]>,
}

impl Draw {
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), favoured: Vec::new() }
    }

    /// Lets most keys be of these, until the next call. WHY: if all keys were alike, most commands would meet a key of
    /// another type, and no collection would live for long.
    pub(crate) fn favour(&mut self, keys: Vec<&'static [u8]>) {
        self.favoured = keys;
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.usize(..end)
    }

    pub(crate) fn within(&mut self, range: Range<i64>) -> i64 {
        self.random.i64(range)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())]
    }

    pub(crate) fn db(&mut self) -> u32 {
        if self.once_in(6) { self.random.u32(1..DBS) } else { 0 }
    }

    pub(crate) fn key(&mut self) -> &'static [u8] {
        if self.favoured.is_empty() || self.once_in(4) {
            return self.pick(&KEYS);
        }
        self.favoured[self.random.usize(..self.favoured.len())]
    }

    /// At least one key, some of them twice.
    pub(crate) fn keys(&mut self) -> Vec<&'static [u8]> {
        let count = 1 + self.below(3);
        (0..count).map(|_| self.key()).collect()
    }

    /// As [`Draw::keys`], and seldom hundreds, nearly all of them again and again.
    pub(crate) fn many_keys(&mut self) -> Vec<&'static [u8]> {
        if !self.once_in(100) {
            return self.keys();
        }
        let count = 4 + self.below(297);
        (0..count).map(|_| self.key()).collect()
    }

    /// A member, field or element: mostly of a small alphabet, at times from many, binary, empty or long.
    pub(crate) fn member(&mut self) -> Vec<u8> {
        match self.below(40) {
            0..=19 => format!("m{}", self.below(8)).into_bytes(),
            20..=27 => self.below(12).to_string().into_bytes(),
            28..=34 => format!("n{}", self.below(300)).into_bytes(),
            35 => Vec::new(),
            36 => b"\0\r\n\xff".to_vec(),
            37 => b"m\0".to_vec(),
            38 => self.pick(&EDGE_NUMBERS).as_bytes().to_vec(),
            _ => vec![b'L'; self.pick(&[64, 65, 100, 1000])],
        }
    }

    /// At least one member; seldom so many that Redis changes its encoding.
    pub(crate) fn members(&mut self) -> Vec<Vec<u8>> {
        let count = match self.below(60) {
            0 => 200,
            1..=4 => 20,
            _ => 1 + self.below(4),
        };
        let numbers = self.once_in(4);
        let mut one = || if numbers { self.below(600).to_string().into_bytes() } else { self.member() };
        (0..count).map(|_| one()).collect()
    }

    /// A string value: short text, a number, or bytes of a length at which something changes.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=7 => self.member(),
            8..=13 => self.number_text(),
            14..=16 => format!("the value {}", self.below(100)).into_bytes(),
            17..=18 => {
                let length = self.pick(&LENGTHS[..12]);
                self.bytes(length)
            }
            _ => {
                let length = self.pick(&LENGTHS);
                self.bytes(length)
            }
        }
    }

    /// Text that is a number, nearly one, or one at an edge.
    pub(crate) fn number_text(&mut self) -> Vec<u8> {
        if self.random.bool() {
            return self.random.i64(-20..20).to_string().into_bytes();
        }
        self.pick(&EDGE_NUMBERS).as_bytes().to_vec()
    }

    /// An integer for an argument: mostly small, at times an edge.
    pub(crate) fn integer(&mut self) -> i64 {
        match self.below(12) {
            0 => self.pick(&[i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1]),
            1 => self.pick(&[i64::from(i32::MIN), i64::from(i32::MAX), 1 << 32, -(1 << 32), 1 << 53]),
            _ => self.random.i64(-12..12),
        }
    }

    /// A place in a sequence, counted from either end.
    pub(crate) fn index(&mut self) -> i64 {
        match self.below(8) {
            0 => self.integer(),
            1 => self.random.i64(-400..400),
            _ => self.random.i64(-6..6),
        }
    }

    /// How many are wanted: mostly few, at times none or all.
    pub(crate) fn count(&mut self) -> u64 {
        self.pick(&[0, 1, 1, 2, 3, 5, 100, 1_000_000])
    }

    /// A time long past or far away, in milliseconds; there are few, so that conditions on times decide.
    pub(crate) fn time(&mut self) -> i64 {
        match self.below(8) {
            0 => self.pick(&[1, 999, 1000, 946_684_800_000]),
            1 => FAR + self.random.i64(0..3_600_000),
            _ => FAR + 1000 * self.random.i64(0..4),
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        // Cheap, and every place has its own byte.
        let start = self.random.usize(..1000);
        (start..start + length).map(|at| (at * 31 + at / 256) as u8).collect()
    }
}

/// Texts that are integers at an edge, floats, or nearly numbers.
const EDGE_NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "+1",
    "01",
    " 1",
    "1 ",
    "",
    "1.5",
    "-0.25",
    "3.0e3",
    "1e400",
    "0x10",
    "inf",
    "-inf",
    "nan",
    "abc",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "9223372036854775800",
    "-9223372036854775800",
    "9007199254740993",
    "1e-7",
    "0.1",
];

/// Whether a time that was drawn lies in the past.
pub(crate) fn is_past(millis: i64) -> bool {
    millis < FAR
}
