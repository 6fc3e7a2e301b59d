import Glibc

/// How many files and connections this process may have open.
package enum OpenFiles {
    /// The limit, and what it may be raised to; `nil` if the kernel does not say.
    package static var limit: (now: UInt64, most: UInt64)? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return (UInt64(limit.rlim_cur), UInt64(limit.rlim_max))
    }
}
