package import Clusters

extension RedisFamily {
    package static let master = "unit-1"
    package static let password = "password-of-a-redis-of-a-test"
    package static let sentinelPassword = "password-of-a-sentinel-of-a-test"

    /// A master and two replicas of one test, with three Sentinels that watch them. All of them run.
    package convenience init() throws {
        try self.init(
            folder: TemporaryFolder.make(), master: Self.master,
            passwords: Passwords(node: Self.password, sentinel: Self.sentinelPassword))
        try self.start()
    }
}
