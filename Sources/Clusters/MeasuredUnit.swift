import DaemonSupport
import Foundation
package import LoadGenerator
import Terminal
package import TrancheAPI
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
    private let lots: [SaleConfig.Lot]
    private let connections: Int?
    private let ledger: String?
    private let hasProvider: Bool
    private let windowMilliseconds: Int64

    /// - Parameters:
    ///   - lots: The lots of the sale: a large one and a small one if not given.
    ///   - connections: The unit's limit of connections, all from one address; its own limits if not given.
    ///   - ledger: The connection string of a database of PostgreSQL for the ledger; a file if not given.
    ///   - hasProvider: Whether the unit asks the sample payment provider.
    ///   - windowMilliseconds: How long a reservation waits for its payment.
    package init(
        lots: [SaleConfig.Lot]? = nil, connections: Int? = nil, ledger: String? = nil, hasProvider: Bool = false,
        windowMilliseconds: Int64 = 3_600_000
    ) {
        (self.hasProvider, self.windowMilliseconds) = (hasProvider, windowMilliseconds)
        self.lots =
            lots ?? [
                Self.lot(Self.lot, stock: Self.stock),
                Self.lot(Self.smallLot, stock: 1),
            ]
        self.connections = connections
        self.ledger = ledger
    }

    /// A lot that is never contested: there is one unit only.
    package static func lot(_ id: LotID, stock: Int, price: Money? = nil) -> SaleConfig.Lot {
        .init(
            id: id, name: "lot \(id)", stock: stock, perBuyerLimit: 1, poolPermille: 0, contest: .init(when: .never),
            price: price.map { LotPrice(amount: $0.minor, currency: $0.currency.code) })
    }

    /// - Parameters:
    ///   - settledLots: Further lots, for sales that are over.
    ///   - environment: More environment of the unit.
    package func start(settledLots: [LotID] = [], environment: [String: String] = [:]) async throws {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-bench"))
        var layout = try ClusterLayout.random(regions: [Self.name], hasProvider: self.hasProvider)
        layout.ledgers = self.ledger.map { [Self.name: $0] }
        try folder.save(layout)
        let cluster = LocalCluster(folder: folder, layout: layout, connectionsPerUnit: self.connections)
        (self.folder, self.layout, self.cluster, self.port) = (folder, layout, cluster, layout.units[0].publicPort)
        cluster.setUnitEnvironment(environment)
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        try await self.open(AdminClient(layout), settledLots)
    }

    /// Stops the unit, and starts it again on its files.
    package func restart(environment: [String: String]) async throws {
        guard let cluster else { return }
        await cluster.stop(.unit(Self.name))
        cluster.setUnitEnvironment(environment)
        try cluster.start(.unit(Self.name))
        try await cluster.waitUntilHealthy()
    }

    package func stop() async {
        await self.cluster?.stop()
        if let folder { try? FileManager.default.removeItem(atPath: folder.path) }
        (self.cluster, self.folder) = (nil, nil)
    }

    /// Buy requests of new buyers.
    package func buyTape(_ lot: LotID = MeasuredUnit.lot, count: Int) -> BuyTape { self.buyTape([lot], count: count) }

    /// Buy requests of new buyers for these lots in turns.
    package func buyTape(_ lots: [LotID], count: Int) -> BuyTape {
        self.tapes += 1
        return BuyTape(self.layout!.target(lot: lots[0]), lots: lots, count: count, buyers: "b\(self.tapes)")
    }

    package func secret(_ name: String) -> String { self.layout?.secret(name) ?? "" }

    package var providerPort: Int { self.layout?.providerPort ?? 0 }

    /// - Throws: ``CommandError`` before the start.
    package var client: AdminClient {
        get throws {
            guard let layout else { throw CommandError("the unit was not started") }
            return AdminClient(layout)
        }
    }

    /// The unit's process; 0 while it does not run.
    package var process: Int32 { self.cluster?.process(.unit(Self.name)) ?? 0 }

    private func open(_ client: AdminClient, _ settledLots: [LotID]) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: "bench", name: "bench", startsAtMilliseconds: now - 1_000, endsAtMilliseconds: now + 36_000_000,
            paymentWindowMilliseconds: self.windowMilliseconds,
            lots: self.lots + settledLots.map { Self.lot($0, stock: Self.stock) })
        try await client.waitForUnits(1)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, "bench")
        _ = try await client.waitUntilReady("bench", seconds: 20) { _ in }
        _ = try await client.step(.open, "bench")
        try await Task.sleep(for: .milliseconds(500))
    }
}
