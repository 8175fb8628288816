//! What a check found.
//!
//! Uses nothing of the crate but its names. Invariant: a report without findings is a proof that was carried
//! through to the end.

use std::fmt;

/// Findings kept with their details. WHY: a store that is wrong everywhere must not fill the memory.
const MAX_KEPT: usize = 1000;

/// One thing that is not as it must be.
///
/// # Examples
/// ```
/// use windrow::Finding;
/// let finding = Finding::Leaked { id: 1, elements: 7 };
/// assert!(finding.to_string().contains("7 elements"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Elements under an id that nothing names and nobody buried.
    Leaked {
        /// The collection id.
        id: u64,
        /// The elements under it.
        elements: u64,
    },
    /// A living record names an id that is buried.
    BuriedAlive {
        /// The collection id.
        id: u64,
    },
    /// Two living records name the same id.
    SharedId {
        /// The collection id.
        id: u64,
    },
    /// A living record's size is not what lies under its id.
    SizeMismatch {
        /// The collection id.
        id: u64,
        /// What the record says.
        recorded: u64,
        /// What was counted.
        counted: u64,
    },
    /// A record with an expiry has no entry that says the same.
    MissingExpiry {
        /// The user key.
        key: Vec<u8>,
    },
    /// An entry of the future for which there is no record.
    StrayExpiry {
        /// The user key.
        key: Vec<u8>,
    },
    /// A record of a keyspace that has no name and is not being given back.
    StrayRecord {
        /// The keyspace's number.
        keyspace: u32,
        /// The user key.
        key: Vec<u8>,
    },
    /// A keyspace's key count is not the number of its keys.
    CountMismatch {
        /// The keyspace's number.
        keyspace: u32,
        /// What the count says.
        recorded: i64,
        /// What was counted.
        counted: i64,
    },
    /// An id that no lease covers.
    BeyondLease {
        /// The collection id.
        id: u64,
    },
    /// An entry that cannot be decoded.
    Undecodable {
        /// The column family.
        family: &'static str,
        /// The entry's key.
        key: Vec<u8>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaked { id, elements } => write!(f, "leaked: {elements} elements under id {id:#018x}"),
            Self::BuriedAlive { id } => write!(f, "torn: a living record names the buried id {id:#018x}"),
            Self::SharedId { id } => write!(f, "two living records name id {id:#018x}"),
            Self::SizeMismatch { id, recorded, counted } => {
                write!(f, "id {id:#018x} has size {recorded}, counted {counted}")
            }
            Self::MissingExpiry { key } => write!(f, "no expire entry for key {}", key.escape_ascii()),
            Self::StrayExpiry { key } => write!(f, "an expire entry without a record for key {}", key.escape_ascii()),
            Self::StrayRecord { keyspace, key } => {
                write!(f, "a record in the unnamed keyspace {keyspace}: {}", key.escape_ascii())
            }
            Self::CountMismatch { keyspace, recorded, counted } => {
                write!(f, "keyspace {keyspace} counts {recorded} keys, has {counted}")
            }
            Self::BeyondLease { id } => write!(f, "id {id:#018x} was never leased"),
            Self::Undecodable { family, key } => write!(f, "undecodable entry in {family}: {}", key.escape_ascii()),
        }
    }
}

/// What a check read and found.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("s");
/// windrow::Store::open(&path)?.close()?;
/// println!("{}", windrow::check(&path)?);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Keys that live or expired and wait for the reaper.
    pub keys: u64,
    /// Entries of the expire family that are still to be reaped.
    pub pending_expiries: u64,
    /// Elements of the data families that belong to a key; what lies in a meta record is not counted.
    pub live_elements: u64,
    /// Elements of buried ids that still lie on disk.
    pub dead_elements: u64,
    /// Records of burials in segments that are retired since: they say nothing new, and the next open removes them.
    pub left_over_burials: u64,
    findings: Vec<Finding>,
    total: u64,
}

impl CheckReport {
    pub(super) fn add(&mut self, finding: Finding) {
        self.total += 1;
        if self.findings.len() < MAX_KEPT {
            self.findings.push(finding);
        }
    }

    /// Tells whether nothing was found.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("s");
    /// windrow::Store::open(&path)?.close()?;
    /// assert!(windrow::check(&path)?.is_clean());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.total == 0
    }

    /// Returns the first thousand findings.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("s");
    /// windrow::Store::open(&path)?.close()?;
    /// let report = windrow::check(&path)?;
    /// for finding in report.findings() {
    ///     eprintln!("{finding}");
    /// }
    /// # assert!(report.findings().is_empty());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the number of all findings.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("s");
    /// windrow::Store::open(&path)?.close()?;
    /// let report = windrow::check(&path)?;
    /// assert_eq!(report.total_findings(), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn total_findings(&self) -> u64 {
        self.total
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "keys:              {}", self.keys)?;
        writeln!(f, "pending expiries:  {}", self.pending_expiries)?;
        writeln!(f, "live elements:     {}", self.live_elements)?;
        writeln!(f, "dead elements:     {} (buried, not given back yet)", self.dead_elements)?;
        if self.left_over_burials > 0 {
            writeln!(
                f,
                "left-over burials: {} (of retired segments, removed at the next open)",
                self.left_over_burials
            )?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        match self.total {
            0 => write!(f, "clean"),
            total => write!(f, "{total} findings"),
        }
    }
}
