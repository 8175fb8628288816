//! Views: the whole store at one moment, its clock frozen.
//!
//! Uses the read path. Invariant: what a view shows never changes, whatever is written, expires, is deleted
//! or reclaimed meanwhile.

use std::sync::Arc;

use crate::encoding::UnixMillis;
use crate::engine::{Db, Frozen};

/// A consistent, read-only picture of the store at one moment.
///
/// While a view lives, nothing that was alive at its moment is reclaimed: [`Stats::held_back_by`](crate::Stats)
/// names a view that holds space back. Opening one costs a snapshot; keeping it costs disk. A db or namespace taken from it, and
/// their iterators, keep it open when the view itself is gone.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.sets().add("s", ["a", "b"])?;
/// let view = store.view()?;
/// db.delete(["s"])?;
/// assert_eq!(view.db(0).sets().members("s")?.count(), 2);
/// assert_eq!(db.sets().len("s")?, 0);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct View {
    frozen: Frozen,
}

impl View {
    pub(super) fn new(frozen: Frozen) -> Self {
        Self { frozen }
    }

    /// Returns the store's time at the view's moment; keys that expired at or before it are absent.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let view = store.view()?;
    /// assert_eq!(view.time(), view.time());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn time(&self) -> UnixMillis {
        self.frozen.time()
    }

    /// Returns a db of the default namespace, as it was.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.view()?.db(3).strings().get("k")?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn db(&self, number: u32) -> Db<Frozen> {
        Db::new(self.frozen.clone(), Arc::from([].as_slice()), number)
    }

    /// Returns a namespace, as it was.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.view()?.namespace("sessions").db(0).is_empty()?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn namespace(&self, name: impl AsRef<[u8]>) -> ViewNamespace {
        ViewNamespace { frozen: self.frozen.clone(), name: Arc::from(name.as_ref()) }
    }
}

/// A namespace at the moment of a view.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let sessions = store.namespace("sessions");
/// sessions.db(0).strings().set("k", "v")?;
/// let before = store.view()?.namespace("sessions");
/// sessions.db(0).delete(["k"])?;
/// assert!(before.db(0).exists("k")?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ViewNamespace {
    frozen: Frozen,
    name: Arc<[u8]>,
}

impl ViewNamespace {
    pub(super) fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    pub(super) fn name(&self) -> &Arc<[u8]> {
        &self.name
    }

    /// Returns a db of the namespace, as it was.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let sessions = store.view()?.namespace("sessions");
    /// assert_eq!(sessions.db(0).len()?, 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn db(&self, number: u32) -> Db<Frozen> {
        Db::new(self.frozen.clone(), Arc::clone(&self.name), number)
    }

    /// Lists the numbers of the dbs that the namespace had, in order: those to which something was ever written. Costs a look at each.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.namespace("sessions").db(3).strings().set("k", "v")?;
    /// assert_eq!(store.view()?.namespace("sessions").dbs(), [3]);
    /// assert!(store.view()?.namespace("others").dbs().is_empty());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn dbs(&self) -> Vec<u32> {
        self.frozen.dbs(&self.name)
    }
}
