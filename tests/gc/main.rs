//! Reclaiming, end to end through the public API.

mod windows;
