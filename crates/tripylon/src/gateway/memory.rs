//! Memory that is free goes back to the system.

/// Gives back what the calling thread has freed, and what others have freed of it.
///
/// Reading a configuration takes many times the memory of what is kept of it. The allocator gives
/// freed pages back while others are asked of it, which after a change may be never.
#[expect(unsafe_code, reason = "the allocator's own interface has no safe one")]
pub(super) fn give_back() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: a function of the allocator that this process is linked with and that takes any
    // thread at any time.
    unsafe { mi_collect(true) }
}
