//! An allocator that counts what Rust code holds, while it is asked to.
//!
//! Uses the system's allocator. Invariant: outside of [`counted`] it costs one look at a flag, so that the times of the
//! other figures stay what they are; what C++ takes is never counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

static COUNTS: AtomicBool = AtomicBool::new(false);
static HELD: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn change(bytes: i64) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(held, Ordering::Relaxed);
}

fn bytes_of(layout: Layout) -> i64 {
    layout.size().cast_signed() as i64
}

// SAFETY: every call goes to the system's allocator with the same arguments, and its answer is passed on.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.load(Ordering::Relaxed) {
            change(bytes_of(layout));
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if COUNTS.load(Ordering::Relaxed) {
            change(-bytes_of(layout));
        }
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Counts while it runs.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    COUNTS.store(true, Ordering::Relaxed);
    let done = work();
    COUNTS.store(false, Ordering::Relaxed);
    done
}

/// The bytes held more than when counting began.
pub(crate) fn held() -> i64 {
    HELD.load(Ordering::Relaxed)
}

/// Does the work; returns how many bytes more than before it were held at most meanwhile.
pub(crate) fn most(work: impl FnOnce()) -> i64 {
    let before = held();
    MOST.store(before, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}
