import Clusters
import CurlClient
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

/// Measures from the outside when a part works again.
final class RecoveryProbe: Sendable {
    static let limitSeconds = 30.0

    private let layout: ClusterLayout
    private let client: AdminClient
    private let buyer: ProbeBuyer
    private let curl: CurlClient

    init(_ layout: ClusterLayout) {
        self.layout = layout
        self.client = AdminClient(layout)
        self.buyer = ProbeBuyer(layout, lot: RehearsalPlan.probeLot)
        self.curl = CurlClient(tls: layout.clientTLS)
    }

    /// Orders of the probe lot that were acknowledged.
    var acknowledged: [OrderID] { self.buyer.acknowledged }

    /// Seconds until a part works again; `nil` if it took too long.
    func recovery(of part: LocalCluster.Part) async -> Double? { await self.time { await self.isWell(part) } }

    private func time(until isReached: () async -> Bool) async -> Double? {
        await ProbeBuyer.seconds(limitSeconds: Self.limitSeconds, until: isReached)
    }

    static func seconds(since start: ContinuousClock.Instant) -> Double { ProbeBuyer.seconds(since: start) }

    /// Whether the part works: a unit sells and reports; the center gets reports of every unit; a coordinator leads.
    private func isWell(_ part: LocalCluster.Part) async -> Bool {
        switch part {
        case .unit(let name), .redis(let name):
            let unit = self.layout.units.first { $0.name == name }!
            guard await self.buyer.buys(at: unit) else { return false }
            return await self.isHeard([unit.id])
        case .center, .otherCenter: return await self.isHeard(Set(self.layout.units.map(\.id)))
        case .coordinator, .standby: return await self.lead() != nil
        case .gate(let name), .gateRedis(let name):
            guard let gate = self.layout.gates.first(where: { $0.name == name }) else { return false }
            return await self.client.answers(gate.publicURL + "/readyz")
        case .shop: return await self.client.answers((self.layout.shopURL ?? "") + "/healthz")
        case .provider: return await self.client.answers((self.layout.providerURL ?? "") + "/healthz")
        }
    }

    /// Sends a purchase to a unit, and ignores the answer.
    func nudge(_ name: String) async {
        if let unit = self.layout.units.first(where: { $0.name == name }) { _ = await self.buyer.buys(at: unit) }
    }

    /// The number of transactions that a unit's ledger has refused, from its metrics; `nil` if they are not available.
    func ledgerFailures(_ name: String) async -> Int? {
        guard let unit = self.layout.units.first(where: { $0.name == name }),
            let response = try? await self.curl.send(
                CurlRequest("GET", self.layout.internalURL(unit) + "/metrics", timeoutMilliseconds: 1_000)),
            response.status == 200
        else { return nil }
        let line = String(decoding: response.body, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("tranche_ledger_failures_total")
        }
        return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
    }

    /// Waits until the center has detected that a unit's ledger was set back.
    func waitUntilStranded(_ name: String) async throws {
        let unit = self.layout.units.first { $0.name == name }?.id
        let found = await self.time {
            guard let state = try? await self.client.quota() else { return false }
            return state.lots.contains { lot in lot.units.contains { $0.unit == unit && $0.isStranded } }
        }
        if found == nil { throw CommandError("the center did not detect that the ledger was set back") }
    }

    /// The center's document of a unit; `nil` if the center does not answer.
    func unit(_ name: String) async -> UnitDocument? {
        let documents = try? await self.client.call("GET", "/v1/units", as: [UnitDocument].self)
        return documents?.first { $0.name == name }
    }

    private func isHeard(_ units: Set<UnitID>) async -> Bool {
        guard let documents = try? await self.client.call("GET", "/v1/units", as: [UnitDocument].self) else {
            return false
        }
        let heard = documents.filter { ($0.silentMilliseconds ?? .max) < 1_000 }.map(\.id)
        return units.isSubset(of: heard)
    }

    /// The leading coordinator and its epoch, from the center.
    func lead() async -> (part: LocalCluster.Part, epoch: Epoch)? {
        guard let state = try? await self.client.quota(), let url = state.coordinatorURL else { return nil }
        return (url == self.layout.standbyURL ? .standby : .coordinator, state.coordinatorEpoch)
    }

    /// Seconds until a coordinator leads with a higher epoch; `nil` if it took too long.
    func succession(after epoch: Epoch) async -> Double? {
        await self.time { (await self.lead())?.epoch ?? epoch > epoch }
    }
}
