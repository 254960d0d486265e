//! Memory that is free goes back to the system.

/// Has the process use pages of the usual size only, from now on.
///
/// In huge ones, of two megabytes, what few routes need takes more than it has to, and the kernel
/// fills in what was given back of them. What a request touches fits the processor's tables anyway.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library does not know it")]
pub(super) fn use_small_pages() {
    // SAFETY: plain numbers. If the kernel refuses, nothing has changed.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

/// Only Linux has huge pages that nobody asked for.
#[cfg(not(target_os = "linux"))]
pub(super) fn use_small_pages() {}

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
