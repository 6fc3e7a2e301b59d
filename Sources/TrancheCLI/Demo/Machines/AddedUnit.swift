import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

/// The unit that `demo --machines` adds to its sale while it is open. Its PostgreSQL and its Redis run from the beginning.
struct AddedUnit: Sendable {
    static let name = "us-east-2"
    /// The demo's busiest region.
    private static let region = ThreeRegions.names[0]
    /// A unit that has sold nothing by then has failed; the demo goes on, and says so.
    private static let limitSeconds = 20.0

    /// What the demo saw of it.
    struct Joining: Codable, Sendable {
        let unit: String
        /// From the start of its process until the center heard it.
        let registeredSeconds: Double
        /// From the operator's command until the center heard of its first order; `nil` if it took too long.
        let sellingSeconds: Double?
    }

    /// The demo's cluster as it is with the unit. It runs nothing but the unit.
    let cluster: LocalCluster
    private let id: UnitID

    init(joining layout: ClusterLayout, folder: ClusterFolder, servers: RegionServers, story: Story) throws {
        let grown = try layout.adding(Self.name, region: Self.region)
        self.id = try AdminClient(grown).unit(Self.name)
        self.cluster = LocalCluster(folder: folder, layout: grown, stores: servers.stores) { story.note("\($0)") }
    }

    /// Starts the unit, adds it to the sale, and waits until buyers whom its region's home referred have bought there.
    ///
    /// - Throws: ``CommandError`` if the unit or the center does not do what an operator asks of it.
    func join(_ sale: String, _ lot: LotID, note: @Sendable (String) -> Void) async throws -> Joining {
        let (started, client) = (ContinuousClock.now, AdminClient(self.cluster.layout))
        try self.cluster.startUnit(Self.name)
        try await self.cluster.waitUntilRegistered(Self.name, self.id)
        let registered = ProbeBuyer.seconds(since: started)
        note("started: \(Self.name), a second unit of \(Self.region); it has registered")
        _ = try await client.call("PUT", "/v1/sales/\(sale)/units/\(self.id)", as: SaleDocument.self)
        note("added: \(Self.name) is in the sale, and \(Self.region) refers new buyers to it")
        let selling = await ProbeBuyer.seconds(limitSeconds: Self.limitSeconds) {
            let lots = try? await client.quota().lots
            let account = lots?.first { $0.lot == lot }?.units.first { $0.unit == self.id }
            return (account?.live ?? 0) > 0
        }
        let took = selling.map { String(format: "after %.2f s", $0) } ?? "NOT WITHIN \(Int(Self.limitSeconds)) s"
        note("the first referred buyer has an order at \(Self.name): \(took)")
        return Joining(unit: Self.name, registeredSeconds: registered, sellingSeconds: selling)
    }
}
