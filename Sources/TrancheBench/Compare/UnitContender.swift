import Clusters
import LoadGenerator
import Terminal

/// One unit with its Redis, its ledger, a center and two coordinators.
final class UnitContender: Contender {
    let name = "tranche"
    let durability = "ledger fsynced before the answer"
    let settings = "1 unit, Redis without persistence (a witness), SQLite WAL, synchronous=FULL"
    let unit = MeasuredUnit()
    var port: Int { self.unit.port }

    func start() async throws { try await self.unit.start() }
    func stop() async { await self.unit.stop() }

    var processes: [Int32] {
        [.unit(MeasuredUnit.name), .redis(MeasuredUnit.name)].compactMap { self.unit.cluster?.process($0) }
    }

    func tape(_ workload: Workload, count: Int) async throws -> RequestTape {
        switch workload {
        case .orders: return self.unit.buyTape(count: count).tape
        case .refusals:
            let first = self.unit.buyTape(MeasuredUnit.smallLot, count: 1)
            _ = try await Drive(port: self.port, connections: 1, seconds: 2).run(first.tape)
            let tape = self.unit.buyTape(MeasuredUnit.smallLot, count: count)
            try await self.waitUntilSoldOut(tape.tape)
            return tape.tape
        case .statuses:
            let bought = self.unit.buyTape(count: 2_000)
            let result = try await Drive(port: self.port, connections: 64, seconds: 10).run(bought.tape)
            return bought.statusTape(result.created.map { bought.orders[$0] })
        }
    }

    /// Repeats requests until the unit answers that the small lot is sold out. Before that, the center must report that
    /// no other unit has stock.
    private func waitUntilSoldOut(_ tape: RequestTape) async throws {
        for _ in 0..<100 {
            var drive = Drive(port: self.port, connections: 16, seconds: 0.2)
            drive.repeats = true
            let result = try await drive.run(tape)
            if let refused = result.statuses[410], refused == result.answers { return }
        }
        throw CommandError("lot \(MeasuredUnit.smallLot) does not sell out")
    }
}
