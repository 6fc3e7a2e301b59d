import DaemonSupport
import Foundation
package import LoadGenerator
import TrancheAPI
package import TrancheCore

/// An installation of one region with an open sale, for measurements: one unit with its Redis and ledger, a center and
/// two coordinators.
package final class MeasuredUnit: @unchecked Sendable {  // Used by one run at a time.
    package static let name = "bench"
    package static let stock = 100_000_000
    package static let lot = LotID(1)
    package static let smallLot = LotID(2)

    package private(set) var port = 0
    package private(set) var cluster: LocalCluster?
    package private(set) var folder: ClusterFolder?
    private var layout: ClusterLayout?
    private var tapes = 0

    package init() {}

    /// - Parameter settledLots: Further lots, for sales that are over.
    package func start(settledLots: [LotID] = []) async throws {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-bench"))
        let layout = try ClusterLayout.random(regions: [Self.name])
        try folder.save(layout)
        let cluster = LocalCluster(folder: folder, layout: layout)
        (self.folder, self.layout, self.cluster, self.port) = (folder, layout, cluster, layout.units[0].publicPort)
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        try await Self.open(AdminClient(layout), settledLots)
    }

    package func stop() async {
        await self.cluster?.stop()
        if let folder { try? FileManager.default.removeItem(atPath: folder.path) }
        (self.cluster, self.folder) = (nil, nil)
    }

    /// Buy requests of new buyers.
    package func buyTape(_ lot: LotID = MeasuredUnit.lot, count: Int) -> BuyTape {
        self.tapes += 1
        return BuyTape(self.layout!.target(lot: lot), count: count, buyers: "b\(self.tapes)")
    }

    private static func open(_ client: AdminClient, _ settledLots: [LotID]) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: "bench", name: "bench", startsAtMilliseconds: now - 1_000, endsAtMilliseconds: now + 36_000_000,
            paymentWindowMilliseconds: 3_600_000,
            lots: [
                .init(id: Self.lot, name: "large", stock: Self.stock, perBuyerLimit: 1, poolPermille: 0),
                .init(
                    id: Self.smallLot, name: "small", stock: 1, perBuyerLimit: 1, poolPermille: 0,
                    contest: .init(when: .never)),
            ]
                + settledLots.map {
                    .init(
                        id: $0, name: "settled \($0)", stock: Self.stock, perBuyerLimit: 1, poolPermille: 0,
                        contest: .init(when: .never))
                })
        try await client.waitForUnits(1)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, "bench")
        _ = try await client.waitUntilReady("bench", seconds: 20) { _ in }
        _ = try await client.step(.open, "bench")
        try await Task.sleep(for: .milliseconds(500))
    }
}
