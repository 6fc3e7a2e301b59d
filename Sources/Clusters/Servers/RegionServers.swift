import NIOConcurrencyHelpers
import Terminal
import Threads
import TrancheCore

/// What the machines of a large installation run beside Tranche's own processes: for each unit a PostgreSQL and a
/// Redis with standbys, and one more PostgreSQL for the centers. All of it is private, on this machine, in one folder.
package final class RegionServers: Sendable {
    /// Of the centers.
    package let centers: PostgresFamily
    private let ledgers: [String: PostgresFamily]
    private let redis: [String: RedisFamily]
    private let starting = NIOLockedValueBox<Task<Void, any Error>?>(nil)

    /// Chooses the ports and the passwords; nothing runs yet.
    ///
    /// - Parameters:
    ///   - folder: Root's servers run as another user, who must be able to pass it.
    ///   - units: The names of all units, those included that join later.
    package init(folder: String, units: [String]) throws {
        self.centers = PostgresFamily(folder: folder + "/postgres-centers")
        self.ledgers = Dictionary(
            uniqueKeysWithValues: units.map { ($0, PostgresFamily(folder: "\(folder)/postgres-\($0)")) })
        self.redis = try Dictionary(
            uniqueKeysWithValues: units.map { unit in
                let passwords = RedisFamily.Passwords(node: Self.password(), sentinel: Self.password())
                return (
                    unit, try RedisFamily(folder: "\(folder)/redis-\(unit)", master: unit, passwords: passwords)
                )
            })
    }

    /// - Throws: ``CommandError`` if a program is not installed, with what to do.
    package static func checkPrograms() throws {
        for program in ["postgres", "pg_basebackup", "psql"] { _ = try PostgresPrograms.path(program) }
        for program in ["redis-server", "redis-cli"] { _ = try LocalCluster.find(program) }
    }

    private static func password() -> String {
        (0..<4).map { _ in Hex.text(UInt64.random(in: 0...UInt64.max)) }.joined()
    }

    package func ledger(of unit: String) -> PostgresFamily? { self.ledgers[unit] }

    package func redis(of unit: String) -> RedisFamily? { self.redis[unit] }

    /// By the names of the units.
    package var stores: [String: UnitStores] {
        self.redis.mapValues { redis in
            UnitStores(
                ledger: self.ledgers[redis.master]?.target ?? "", sentinels: redis.sentinels, master: redis.master,
                secrets: [
                    "TRANCHE_REDIS_PASSWORD": redis.passwords.node,
                    "TRANCHE_SENTINEL_PASSWORD": redis.passwords.sentinel,
                ])
        }
    }

    /// Starts all of them, and waits until the standbys follow and the Sentinels know each other.
    package func start() async throws {
        let (families, redis) = ([self.centers] + self.ledgers.values, Array(self.redis.values))
        let task = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for family in families {
                    group.addTask { try await OwnedThread.run("postgres") { try family.start() } }
                }
                for family in redis {
                    group.addTask { try await OwnedThread.run("redis") { try family.start() } }
                }
                try await group.waitForAll()
            }
        }
        self.starting.withLockedValue { $0 = task }
        try await task.value
    }

    /// Stops all of them, also if they are still starting. Afterwards nothing writes into the folder any more.
    package func stop() async {
        let task = self.starting.withLockedValue { $0 }
        // What is made meanwhile is stopped behind the end of the start.
        for _ in 0..<2 {
            await OwnedThread.run("stopping") {
                self.centers.stop()
                for family in self.ledgers.values { family.stop() }
                for family in self.redis.values { family.stop() }
            }
            _ = await task?.result
        }
    }
}
