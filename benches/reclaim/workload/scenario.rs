//! The scenarios by name, and what sets each apart.
//!
//! Uses nothing. Invariant: a name means the same in every run.

/// Which collections there are, how they are written, and which die, all at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// The published experiment: all of them.
    Window,
    /// Four windows of five die, the last one stays alive.
    WindowTail,
    /// So many percent survive, without any order.
    Scatter(u64),
    /// As `Window`, but the time to live comes in a second call.
    LateExpire,
    /// As `WindowTail`, but every second collection is added to all its life, as limiters and sliding windows are.
    Growing,
    /// One collection of millions of elements is deleted; small ones that were written beside it live.
    Giant,
    /// As `Window`, but a view is held throughout the death.
    LongView,
}

impl Scenario {
    pub(crate) const ALL: [Self; 9] = [
        Self::Window,
        Self::WindowTail,
        Self::Scatter(1),
        Self::Scatter(10),
        Self::Scatter(50),
        Self::LateExpire,
        Self::Growing,
        Self::Giant,
        Self::LongView,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Window => "window".to_owned(),
            Self::WindowTail => "window-tail".to_owned(),
            Self::Scatter(percent) => format!("scatter-{percent}"),
            Self::LateExpire => "late-expire".to_owned(),
            Self::Growing => "growing".to_owned(),
            Self::Giant => "giant".to_owned(),
            Self::LongView => "long-view".to_owned(),
        }
    }

    /// Tells whether some collections are written to after their birth.
    pub(crate) fn has_late_writes(self) -> bool {
        matches!(self, Self::Growing | Self::Giant)
    }
}
