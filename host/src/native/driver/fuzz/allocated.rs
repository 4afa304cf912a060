//! How much memory one thread of the tests has taken, so that a bound on it can be held.
#![expect(unsafe_code, reason = "an allocator hands memory out")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The most that stood at once while `run` ran, beyond what stood before, in bytes.
pub(super) fn most_during<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.get();
    MOST.set(before);
    let value = run();
    (value, (MOST.get() - before).unsigned_abs())
}

thread_local! {
    /// What this thread took less what it gave back, which another may have taken.
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct Counted;

#[global_allocator]
static COUNTED: Counted = Counted;

fn count(bytes: isize) {
    // A thread that ends gives memory back when its counters are gone.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
}

// SAFETY: each call is the system's allocator's, as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}
