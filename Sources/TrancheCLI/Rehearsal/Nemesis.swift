import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Simulation
import Storage
import Verification
import WideArea

/// Breaks a running cluster, mends it, and measures how long each part took to work again.
final class Nemesis {
    struct Event: Codable, Sendable {
        let fault: RehearsalFault
        let target: String
        /// From mending to working again; `nil` if it did not within the limit.
        let recoverySeconds: Double?
    }

    private let cluster: LocalCluster
    private let probe: RecoveryProbe
    private let faults: [RehearsalFault]
    /// The unit whose folder is a small file system of its own, if there is one.
    private let smallDisk: SmallDisk?
    private let note: @Sendable (String) -> Void
    private var random: SeededRandom
    private var next: Int
    private(set) var events: [Event] = []
    private var restores = 0

    init(
        _ cluster: LocalCluster, _ probe: RecoveryProbe, _ plan: RehearsalPlan, smallDisk: SmallDisk?,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.cluster = cluster
        self.probe = probe
        self.smallDisk = smallDisk
        self.note = note
        self.faults = plan.faults.filter { $0 != .fillDisk || smallDisk != nil }
        self.random = SeededRandom(seed: plan.seed)
        // Every kind has its turn, beginning anywhere.
        self.next = self.random.number(0...max(0, self.faults.count - 1))
    }

    /// One fault after another, until `end`.
    func run(until end: ContinuousClock.Instant) async {
        guard !self.faults.isEmpty else { return }
        await self.pause(500...1_500)
        while ContinuousClock.now < end {
            let fault = self.faults[self.next % self.faults.count]
            self.next += 1
            let name = self.region(fault)
            self.note("\(fault.rawValue) \(name)")
            do {
                let recovery = try await self.recovery(from: fault, on: name)
                self.note(
                    "\(fault.rawValue) \(name): "
                        + (recovery.map { String(format: "works again after %.2f s", $0) } ?? "DOES NOT WORK AGAIN"))
                self.events.append(Event(fault: fault, target: name, recoverySeconds: recovery))
            } catch {
                self.note("\(fault.rawValue) \(name): \(error)")
                self.events.append(Event(fault: fault, target: name, recoverySeconds: nil))
            }
            await self.pause(300...1_500)
        }
    }

    private func recovery(from fault: RehearsalFault, on name: String) async throws -> Double? {
        guard fault == .killCoordinator || fault == .pauseCoordinator else {
            return await self.probe.recovery(of: try await self.inflict(fault, on: name))
        }
        // Another one leads while this one is away: nobody waits for the mending.
        guard let (leader, epoch) = await self.probe.lead() else { throw CommandError("no coordinator leads") }
        if fault == .killCoordinator { self.cluster.kill(leader) } else { self.cluster.signal(leader, SIGSTOP) }
        let recovery = await self.probe.succession(after: epoch)
        await self.pause(200...2_000)
        if fault == .killCoordinator { try self.cluster.start(leader) } else { self.cluster.signal(leader, SIGCONT) }
        return recovery
    }

    private func region(_ fault: RehearsalFault) -> String {
        let units = self.cluster.layout.units.map(\.name)
        let drawn = units[self.random.number(0...units.count - 1)]
        return fault == .fillDisk ? self.smallDisk?.unit ?? drawn : drawn
    }

    private func pause(_ milliseconds: ClosedRange<Int>) async {
        try? await Task.sleep(for: .milliseconds(self.random.number(milliseconds)))
    }

    /// Breaks and mends; returns the part that has to work again.
    private func inflict(_ fault: RehearsalFault, on name: String) async throws -> LocalCluster.Part {
        switch fault {
        case .killUnit: return try await self.kill(.unit(name))
        case .pauseUnit: return await self.stop(.unit(name))
        case .killRedis: return try await self.kill(.redis(name))
        case .pauseRedis: return await self.stop(.redis(name))
        case .flushRedis: return try self.flush(name)
        case .killCenter: return try await self.kill(.center)
        case .pauseCenter: return await self.stop(.center)
        case .killCoordinator, .pauseCoordinator: return .coordinator
        case .partition, .oneWayPartition, .slowLink: return try await self.bend(fault, name)
        case .restoreLedger: return try await self.restore(name)
        case .fillDisk: return await self.fill(name)
        case .shiftClock: return try await self.shift(name)
        }
    }

    private func kill(_ part: LocalCluster.Part) async throws -> LocalCluster.Part {
        self.cluster.kill(part)
        await self.pause(200...2_000)
        try self.cluster.start(part)
        return part
    }

    private func stop(_ part: LocalCluster.Part) async -> LocalCluster.Part {
        self.cluster.signal(part, SIGSTOP)
        await self.pause(500...4_000)
        self.cluster.signal(part, SIGCONT)
        return part
    }

    private func flush(_ name: String) throws -> LocalCluster.Part {
        let client = try ChildProcess(
            LocalCluster.find("redis-cli"), ["-s", self.cluster.folder.socket(name), "FLUSHALL"],
            environment: ProcessInfo.processInfo.environment, log: self.cluster.folder.path + "/redis-cli.log")
        guard client.wait() == 0 else { throw CommandError("redis-cli FLUSHALL failed") }
        return .redis(name)
    }

    private func bend(_ fault: RehearsalFault, _ name: String) async throws -> LocalCluster.Part {
        let good = DemoCommand.wan.regions[name]!
        var bad = good
        if fault == .slowLink { bad.delayMilliseconds += 500 } else { bad.isCut = true }
        var links = ["\(name)>hub", "hub>\(name)"]
        if fault == .oneWayPartition { links = [links[self.random.number(0...1)]] }
        for link in links { try self.cluster.setLink(link, bad) }
        await self.pause(1_000...5_000)
        for link in links { try self.cluster.setLink(link, good) }
        return .unit(name)
    }

    /// The ledger that is replaced is kept: an operator would find the old disk again, and settle by it.
    private func restore(_ name: String) async throws -> LocalCluster.Part {
        self.restores += 1
        let folder = self.cluster.folder.unit(name)
        let (ledger, copy) = (folder + "/ledger.sqlite", folder + "/copy-\(self.restores).sqlite")
        try LedgerCopy.make(of: ledger, at: copy)
        await self.pause(500...1_500)
        self.cluster.kill(.unit(name))
        let lost = "\(folder)/\(LostLedgers.folder)"
        try FileManager.default.createDirectory(atPath: lost, withIntermediateDirectories: true)
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: ledger + suffix) {
            try FileManager.default.moveItem(
                atPath: ledger + suffix, toPath: "\(lost)/\(self.restores).sqlite\(suffix)")
        }
        try FileManager.default.moveItem(atPath: copy, toPath: ledger)
        try self.cluster.start(.unit(name))
        return .unit(name)
    }

    private func fill(_ name: String) async -> LocalCluster.Part {
        self.smallDisk?.fill()
        await self.pause(2_000...4_000)
        self.smallDisk?.free()
        return .unit(name)
    }

    private func shift(_ name: String) async throws -> LocalCluster.Part {
        for offset in [self.random.number(-300...300) * 1_000, 0] {
            self.cluster.clockOffsets.withLockedValue { $0[name] = offset }
            self.cluster.kill(.unit(name))
            try self.cluster.start(.unit(name))
            if offset != 0 { await self.pause(1_500...3_000) }
        }
        return .unit(name)
    }
}
