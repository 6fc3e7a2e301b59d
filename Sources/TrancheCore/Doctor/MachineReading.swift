/// What was measured on a machine, or read from the settings of one process, before any judgement.
package enum MachineReading: Hashable, Sendable {
    /// The kernel's word about the clock; `nil` if it says nothing.
    case clock(ClockCheck.Kernel?)
    case disk(Disk)
    /// Files and connections that a process may have open, and that the limit may be raised to.
    case openFiles(now: UInt64, most: UInt64)
    case port(key: String, address: String, Port)
    case redis(place: String, Redis)
    case secret(name: String, Secret)
    case certificate(Certificate)
    case peer(name: String, address: String, Peer)
    case provider(Provider)

    package struct Disk: Hashable, Sendable {
        package var folder: String
        /// The type of its file system, as the kernel names it.
        package var fileSystem: String
        /// How long small writes took until the disk confirmed them, in microseconds.
        package var syncs: [Int64]
        package var freeBytes: Int64
        package var freeFiles: Int64
        /// Why nothing could be written; `nil` if it could.
        package var failure: String?

        package init(
            folder: String, fileSystem: String, syncs: [Int64] = [], freeBytes: Int64 = 0, freeFiles: Int64 = 0,
            failure: String? = nil
        ) {
            (self.folder, self.fileSystem, self.syncs) = (folder, fileSystem, syncs)
            (self.freeBytes, self.freeFiles, self.failure) = (freeBytes, freeFiles, failure)
        }
    }
    package enum Port: Hashable, Sendable {
        case free
        /// A process of Tranche answers there.
        case serves
        /// Something else has it, or it is not allowed.
        case taken(String)
    }
    package enum Redis: Hashable, Sendable {
        /// It must be searched for, and that is left to the process.
        case searched
        case away(String)
        case there(RedisFacts)
    }
    package struct RedisFacts: Hashable, Sendable {
        package var version: String
        /// What it does when its memory is full.
        package var policy: String
        package var limitBytes: Int64
        /// The median of some round trips, in microseconds.
        package var roundTrip: Int64
        package var isReplica: Bool
        package init(version: String, policy: String, limitBytes: Int64, roundTrip: Int64, isReplica: Bool) {
            (self.version, self.policy, self.limitBytes) = (version, policy, limitBytes)
            (self.roundTrip, self.isReplica) = (roundTrip, isReplica)
        }
    }
    package enum Secret: Hashable, Sendable {
        case fine(count: Int)
        case missing
        /// Missing, where a certificate takes its place.
        case notNeeded
        case wrong(String)
        /// The same as another one.
        case repeated(other: String)
    }
    package enum Certificate: Hashable, Sendable {
        /// No TLS of its own; whether something else encrypts what leaves the machine.
        case none(isElsewhere: Bool)
        case unusable(String)
        case lasts(seconds: Int64)
    }
    package enum Peer: Hashable, Sendable {
        case silent(String)
        /// - Parameters:
        ///   - roundTrip: In microseconds.
        ///   - clockSeconds: How far its clock is ahead of this one, to a second; `nil` if it does not say.
        case answers(roundTrip: Int64, clockSeconds: Int64?)
    }
    /// The payment provider of a unit, asked about an order that nobody has.
    package enum Provider: Hashable, Sendable {
        /// No setting names one.
        case none
        /// The settings cannot be used.
        case unusable(String)
        /// It gave no clear answer.
        case unclear(String)
        /// - Parameter roundTrip: In microseconds.
        case answers(roundTrip: Int64)
    }
}

/// A judgement of one reading.
package struct Finding: Hashable, Sendable, Codable {
    package enum Level: String, Hashable, Sendable, Codable {
        case fine
        /// Works, but worse than it could, or for a trial only.
        case doubtful
        /// A promise does not hold, or the process does not start.
        case bad
    }
    package let level: Level
    package let about: String
    package let what: String
    /// What to do; `nil` if nothing.
    package let advice: String?

    init(_ level: Level, _ about: String, _ what: String, advice: String? = nil) {
        (self.level, self.about, self.what, self.advice) = (level, about, what, advice)
    }
}
