//! Who goes first where there are more threads than cores.

/// Lets the process's other threads go before the calling one: a new configuration can wait, and
/// reading a large one takes seconds of a core's time that requests may want.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library knows no priorities")]
pub(super) fn lower() {
    // SAFETY: plain numbers. On Linux 0 is the calling thread (setpriority(2), "C library/kernel
    // differences"). If the kernel refuses, nothing has changed and nothing is lost.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// Elsewhere a priority is the whole process's.
#[cfg(not(target_os = "linux"))]
pub(super) fn lower() {}

/// Of two threads that both want a core, one that is 10 nicer gets a tenth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
