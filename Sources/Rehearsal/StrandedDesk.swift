import Clusters
import Foundation
import TrancheAPI
import TrancheCore
import Verification

/// Acts as the operator of a rehearsal: settles stranded quota by the unit's ledgers, including replaced ones.
struct StrandedDesk {
    struct Settled: Codable, Sendable {
        let unit: String
        let lot: LotID
        let generation: Generation
        let outstanding: Int
        let sold: Int
    }

    let folder: ClusterFolder
    let layout: ClusterLayout
    private(set) var settled: [Settled] = []
    private var seenAt: [String: ContinuousClock.Instant] = [:]

    init(folder: ClusterFolder, layout: ClusterLayout) { (self.folder, self.layout) = (folder, layout) }

    /// Settles quota that has been stranded for longer than the payment window, and has no undecided orders. Checks
    /// settled quota again, because an order of the lost ledger may have been bought once more.
    ///
    /// - Returns: Whether it settled quota.
    mutating func look(_ state: QuotaState, _ client: AdminClient) async -> Bool {
        let before = self.settled.count
        for lot in state.lots {
            for account in lot.units where !account.isActive {
                let key = "\(lot.lot) \(account.unit) \(account.generation.rawValue)"
                let since = self.seenAt[key] ?? .now
                self.seenAt[key] = since
                let wait = Double(RehearsalPlan.paymentWindowMilliseconds) / 1_000 + 2
                if RecoveryProbe.seconds(since: since) > wait { await self.settle(lot.lot, account, client) }
            }
        }
        return self.settled.count > before
    }

    private mutating func settle(_ lot: LotID, _ account: QuotaState.Unit, _ client: AdminClient) async {
        let outstanding = account.outstanding
        guard let name = self.layout.units.first(where: { $0.id == account.unit })?.name,
            let count = try? LostLedgers.count(
                unitFolder: self.folder.unit(name), lot: lot, generation: account.generation),
            count.hasMovedOn, count.undecided == 0, count.sold <= outstanding,
            account.isStranded || count.sold < outstanding
        else { return }
        let body = SettleBody(lot: lot, unit: account.unit, generation: account.generation, sold: count.sold)
        guard (try? await client.call("POST", "/v1/quota/settle", body, as: QuotaState.self)) != nil else { return }
        self.settled.append(
            Settled(
                unit: name, lot: lot, generation: account.generation, outstanding: outstanding, sold: count.sold))
    }
}
