//! The one allocator setting of the program.

/// Tells glibc's malloc to keep freed memory instead of handing it back: training frees and takes the same large
/// buffers at every step, and fresh pages cost a third of the step.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "mallopt is a C function")]
        // SAFETY: called before any thread is started; both parameters take any value, and failure changes nothing.
        unsafe {
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX);
        }
    }
}
