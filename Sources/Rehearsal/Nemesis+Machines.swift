import Clusters
import DaemonSupport
import Foundation
import Simulation
import Storage
import Terminal
import TrancheAPI

// Faults of whole machines, and mistakes of operators.

extension Nemesis {
    /// Restores ledger and Redis from one snapshot: they agree with each other, but both are old.
    func setMachineBack(_ name: String) async throws -> LocalCluster.Part {
        self.restores += 1
        let folder = self.cluster.folder.unit(name)
        let (ledger, copy) = (folder + "/ledger.sqlite", folder + "/copy-\(self.restores).sqlite")
        let dump = folder + "/dump.rdb"
        try self.redis(name, "SAVE")
        // Otherwise a Redis that is killed later would also start with this snapshot, which is another fault.
        defer { try? FileManager.default.removeItem(atPath: dump) }
        try LedgerCopy.make(of: ledger, at: copy)
        await self.pause(500...1_500)
        let began = Date()
        self.cluster.kill(.unit(name))
        self.cluster.kill(.redis(name))
        defer {
            for part in [.redis(name), .unit(name)] as [LocalCluster.Part] where !self.cluster.isRunning(part) {
                try? self.cluster.start(part)
            }
        }
        try self.replace(ledger, by: copy, of: name)
        try self.cluster.start(.redis(name))
        try self.cluster.start(.unit(name))
        try await self.probe.waitUntilStranded(name)
        await self.last(nil, since: began)
        return .unit(name)
    }

    /// Starts a second unit on a copy of the ledger, while the first unit runs.
    func copyElsewhere(_ name: String) async throws -> LocalCluster.Part {
        self.copies += 1
        let folder = "\(self.cluster.folder.path)/copies/\(self.copies)"
        try self.cluster.folder.make(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let ledger = self.cluster.folder.unit(name) + "/ledger.sqlite"
        try LedgerCopy.make(of: ledger, at: folder + "/ledger.sqlite")
        guard let before = await self.probe.unit(name) else { throw CommandError("the center does not answer") }
        let copy = try self.cluster.startCopy(of: name, folder: folder)
        await self.last(2_000...4_000)
        let after = await self.probe.unit(name)
        for process in copy { process.crash() }
        guard let after, after.generation == before.generation, after.incarnation == before.incarnation else {
            throw CommandError("the copy replaced the running unit")
        }
        return .unit(name)
    }

    /// Steps the clock of a running unit, and steps it back.
    func step(_ name: String) async throws -> LocalCluster.Part {
        let file = self.cluster.folder.clockSteps(name)
        defer { try? FileManager.default.removeItem(atPath: file) }
        for offset in [self.referee == nil ? self.random.number(-2_000...2_000) * 1_000 : 2_000_000, 0] {
            try Data("\(offset)".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
            if offset == 0 { await self.pause(250...500) } else { await self.last(1_500...3_000) }
        }
        return .unit(name)
    }

    /// An operator's mistake: starts the unit with a wrong secret, then with the right one.
    func confuse(_ name: String) async throws -> LocalCluster.Part {
        let part = LocalCluster.Part.unit(name)
        defer { if !self.cluster.isRunning(part) { try? self.cluster.start(part) } }
        for secret in ["a wrong secret of more than enough letters", nil] {
            self.cluster.setWrongSecret(secret, of: part)
            self.cluster.kill(part)
            try self.cluster.start(part)
            if secret != nil { await self.last(1_500...3_000) }
        }
        return part
    }
}
