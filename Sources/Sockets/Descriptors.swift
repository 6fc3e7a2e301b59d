import Glibc

/// The limit of open files of this process.
package enum Descriptors {
    /// Descriptors for files, logs and connections to other processes, in addition to buyers' connections.
    package static let reserve = 128

    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: The number of descriptors that the process may have.
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return Int(clamping: limit.rlim_cur)
    }
}
