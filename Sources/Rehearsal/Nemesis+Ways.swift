import Clusters
import DaemonSupport
import Foundation
import Simulation
import Storage
import Terminal
import Verification
import WideArea

// How each kind of fault is injected and repaired.

extension Nemesis {
    /// Injects and repairs a fault; returns the part that must work again.
    func inflict(_ fault: RehearsalFault, on name: String) async throws -> LocalCluster.Part {
        switch fault {
        case .killUnit: return try await self.kill(.unit(name))
        case .pauseUnit: return await self.stop(.unit(name))
        case .killRedis: return try await self.kill(.redis(name))
        case .pauseRedis: return await self.stop(.redis(name))
        case .flushRedis: return try await self.flush(name)
        case .killCenter: return try await self.kill(.center)
        case .pauseCenter: return await self.stop(.center)
        case .killCoordinator, .pauseCoordinator: return .coordinator
        case .partition, .oneWayPartition, .slowLink: return try await self.bend(fault, name)
        case .restoreLedger: return try await self.restore(name)
        case .fillDisk: return try await self.fill(name)
        case .shiftClock: return try await self.shift(name)
        case .setMachineBack: return try await self.setMachineBack(name)
        case .copyElsewhere: return try await self.copyElsewhere(name)
        case .stepClock: return try await self.step(name)
        case .wrongSecret: return try await self.confuse(name)
        case .killGate: return try await self.kill(.gate(name))
        case .killGateRedis: return try await self.kill(.gateRedis(name))
        }
    }

    func kill(_ part: LocalCluster.Part) async throws -> LocalCluster.Part {
        self.cluster.kill(part)
        await self.last(200...2_000)
        try self.cluster.start(part)
        return part
    }

    private func stop(_ part: LocalCluster.Part) async -> LocalCluster.Part {
        self.cluster.signal(part, SIGSTOP)
        await self.last(500...4_000)
        self.cluster.signal(part, SIGCONT)
        return part
    }

    private func flush(_ name: String) async throws -> LocalCluster.Part {
        try self.redis(name, "FLUSHALL")
        await self.last(nil)
        return .redis(name)
    }

    func redis(_ name: String, _ command: String) throws {
        let client = try ChildProcess(
            LocalCluster.find("redis-cli"), ["-s", self.cluster.folder.socket(name), command],
            environment: ProcessInfo.processInfo.environment, log: self.cluster.folder.path + "/redis-cli.log")
        guard client.wait() == 0 else { throw CommandError("redis-cli \(command) failed") }
    }

    private func bend(_ fault: RehearsalFault, _ name: String) async throws -> LocalCluster.Part {
        let good = ThreeRegions.links.regions[name]!
        var bad = good
        if fault == .slowLink { bad.delayMilliseconds += 500 } else { bad.isCut = true }
        var links = ["\(name)>hub", "hub>\(name)"]
        if fault == .oneWayPartition { links = [links[self.random.number(0...1)]] }
        for link in links { try self.cluster.setLink(link, bad) }
        await self.last(1_000...5_000)
        for link in links { try self.cluster.setLink(link, good) }
        return .unit(name)
    }

    /// The replaced ledger is kept, as an operator who finds the old disk would settle by it.
    private func restore(_ name: String) async throws -> LocalCluster.Part {
        self.restores += 1
        let folder = self.cluster.folder.unit(name)
        let (ledger, copy) = (folder + "/ledger.sqlite", folder + "/copy-\(self.restores).sqlite")
        try LedgerCopy.make(of: ledger, at: copy)
        await self.pause(500...1_500)
        let began = Date()
        self.cluster.kill(.unit(name))
        defer { if !self.cluster.isRunning(.unit(name)) { try? self.cluster.start(.unit(name)) } }
        try self.replace(ledger, by: copy, of: name)
        try self.cluster.start(.unit(name))
        try await self.probe.waitUntilStranded(name)
        await self.last(nil, since: began)
        return .unit(name)
    }

    func replace(_ ledger: String, by copy: String, of name: String) throws {
        let lost = "\(self.cluster.folder.unit(name))/\(LostLedgers.folder)"
        try FileManager.default.createDirectory(atPath: lost, withIntermediateDirectories: true)
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: ledger + suffix) {
            try FileManager.default.moveItem(
                atPath: ledger + suffix, toPath: "\(lost)/\(self.restores).sqlite\(suffix)")
        }
        try FileManager.default.moveItem(atPath: copy, toPath: ledger)
    }

    /// The disk stays full until the ledger has refused a transaction: at first, SQLite's log has some room left.
    private func fill(_ name: String) async throws -> LocalCluster.Part {
        guard let smallDisk else { throw CommandError("there is no small disk") }
        let before = await self.probe.ledgerFailures(name) ?? 0
        defer { smallDisk.free() }
        let end = ContinuousClock.now + .seconds(15)
        while await self.probe.ledgerFailures(name) ?? 0 <= before {
            guard ContinuousClock.now < end else { throw CommandError("the ledger refused nothing on a full disk") }
            try smallDisk.fill()
            await self.probe.nudge(name)
        }
        await self.last(500...2_000)
        return .unit(name)
    }

    /// A small error is within what the unit says of its clock, and is nothing for a referee.
    private func shift(_ name: String) async throws -> LocalCluster.Part {
        for offset in [self.referee == nil ? self.random.number(-300...300) * 1_000 : 300_000, 0] {
            self.cluster.setClockOffset(name, microseconds: offset)
            self.cluster.kill(.unit(name))
            try self.cluster.start(.unit(name))
            if offset != 0 { await self.last(1_500...3_000) }
        }
        return .unit(name)
    }
}
