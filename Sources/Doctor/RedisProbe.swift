import DaemonSupport
import RedisClient
import TrancheCore

/// Asks the Redis of a process what it is and how it is set.
enum RedisProbe {
    static let timeoutMilliseconds = 1_000
    private static let pings = 20

    static func read(_ values: DaemonConfiguration) -> MachineReading {
        let settings: RedisServer
        do throws(RedisSettingError) {
            settings = try RedisServer(
                text: { values.string($0, default: "") }, secret: { values.optionalSecret($0) },
                mayLeaveMachine: (try? values.flag("tls.elsewhere")) ?? false)
        } catch { return .redis(place: "redis.address", .away(error.description)) }
        guard case .address(let address) = settings.place else {
            return .redis(place: values.string("redis.sentinels", default: "redis.cluster"), .searched)
        }
        do throws(RedisError) {
            let connection = try RedisConnection(
                address, login: settings.login, timeoutMilliseconds: self.timeoutMilliseconds)
            return .redis(place: "\(address)", .there(try self.facts(connection)))
        } catch { return .redis(place: "\(address)", .away(error.description)) }
    }

    private static func facts(_ connection: RedisConnection) throws(RedisError) -> MachineReading.RedisFacts {
        var values: [String: String] = [:]
        for section in ["server", "memory", "replication"] {
            for line in (try connection.ask("INFO", section).text ?? "").split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
            }
        }
        var trips: [Int64] = []
        for _ in 0..<self.pings {
            let began = SystemClock.monotonic()
            _ = try connection.ask("INFO", "clients")
            trips.append(SystemClock.monotonic().microseconds - began.microseconds)
        }
        return MachineReading.RedisFacts(
            version: values["redis_version"] ?? "unknown", policy: values["maxmemory_policy"] ?? "unknown",
            limitBytes: values["maxmemory"].flatMap { Int64($0) } ?? 0, roundTrip: trips.sorted()[trips.count / 2],
            isReplica: values["role"] == "slave")
    }
}
