import DaemonSupport
import Foundation
import LoadGenerator
import TrancheAPI
import TrancheCore
import Verification

/// One unit with its Redis, its ledger, a center and two coordinators: a whole installation of one region.
final class UnitContender: Contender, @unchecked Sendable {  // One run at a time, and its end.
    let name = "tranche"
    let durability = "ledger fsynced before the answer"
    let settings: String
    private(set) var port = 0
    private(set) var cluster: LocalCluster?
    private(set) var folder: ClusterFolder?
    private var layout: ClusterLayout?
    private var tapes = 0
    static let stock = 100_000_000
    static let lot = LotID(1)
    static let smallLot = LotID(2)

    init() {
        self.settings = "1 unit, Redis without persistence (a witness), SQLite WAL, synchronous=FULL"
    }

    func start() async throws {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-bench"))
        let layout = try ClusterLayout.random(regions: ["bench"])
        try folder.save(layout)
        let cluster = LocalCluster(folder: folder, layout: layout)
        (self.folder, self.layout, self.cluster, self.port) = (folder, layout, cluster, layout.units[0].publicPort)
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        try await Self.open(AdminClient(layout))
    }

    func stop() async {
        await self.cluster?.stop()
        if let folder { try? FileManager.default.removeItem(atPath: folder.path) }
        (self.cluster, self.folder) = (nil, nil)
    }

    var processes: [Int32] {
        [.unit("bench"), .redis("bench")].compactMap { self.cluster?.process($0) }
    }

    var target: LoadTarget { self.layout!.target(lot: Self.lot) }

    func buyTape(count: Int) -> BuyTape {
        self.tapes += 1
        return BuyTape(self.target, count: count, buyers: "b\(self.tapes)")
    }

    func tape(_ workload: Workload, count: Int) async throws -> RequestTape {
        switch workload {
        case .orders: return self.buyTape(count: count).tape
        case .refusals:
            self.tapes += 1
            let small = self.layout!.target(lot: Self.smallLot)
            let first = BuyTape(small, count: 1, buyers: "first-\(self.tapes)")
            _ = try await Drive(port: self.port, connections: 1, seconds: 2).run(first.tape)
            let tape = BuyTape(small, count: count, buyers: "r\(self.tapes)")
            try await self.waitUntilSoldOut(tape.tape)
            return tape.tape
        case .statuses:
            let bought = self.buyTape(count: 2_000)
            let result = try await Drive(port: self.port, connections: 64, seconds: 10).run(bought.tape)
            return bought.statusTape(result.created.map { bought.orders[$0] })
        }
    }

    /// Asks until the unit says that the small lot is sold out: the center must have said first that none is elsewhere.
    private func waitUntilSoldOut(_ tape: RequestTape) async throws {
        for _ in 0..<100 {
            var drive = Drive(port: self.port, connections: 16, seconds: 0.2)
            drive.repeats = true
            let result = try await drive.run(tape)
            if let refused = result.statuses[410], refused == result.answers { return }
        }
        throw CommandError("lot \(Self.smallLot) does not sell out")
    }

    static func open(_ client: AdminClient) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: "bench", name: "bench", startsAtMilliseconds: now - 1_000, endsAtMilliseconds: now + 36_000_000,
            paymentWindowMilliseconds: 3_600_000,
            lots: [
                .init(id: Self.lot, name: "large", stock: Self.stock, perBuyerLimit: 1, poolPermille: 0),
                .init(
                    id: Self.smallLot, name: "small", stock: 1, perBuyerLimit: 1, poolPermille: 0,
                    contest: .init(when: .never)),
            ])
        try await client.waitForUnits(1)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, "bench")
        _ = try await client.waitUntilReady("bench", seconds: 20) { _ in }
        _ = try await client.step(.open, "bench")
        try await Task.sleep(for: .milliseconds(500))
    }
}
