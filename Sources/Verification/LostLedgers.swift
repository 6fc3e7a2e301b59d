import Foundation
package import Storage
package import TrancheCore

/// Ledgers of one unit that were replaced by an older copy, and turned up again: what only they know still binds.
///
/// They lie in the unit's folder, in `lost/`.
package struct LostLedgers: Sendable {
    package static let folder = "lost"

    /// An order that no ledger in use knows.
    struct Forgotten: Sendable {
        let order: Order
        let state: OrderState
    }

    let orders: [OrderID: Forgotten]
    let known: Set<OrderID>

    /// - Parameter current: The ledger that is in use.
    init(unitFolder: String, current: UnitEvidence) throws(StorageError) {
        let folder = unitFolder + "/" + Self.folder
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasSuffix(".sqlite")
        }
        var (orders, known): ([OrderID: Forgotten], Set<OrderID>) = ([:], [])
        for name in names.sorted() {
            let lost = UnitEvidence(name: name, audit: try LedgerAudit(path: folder + "/" + name))
            known.formUnion(lost.orders.keys)
            for (id, sold) in lost.orders where current.orders[id] == nil {
                orders[id] = Forgotten(order: sold.order, state: sold.state)
            }
        }
        (self.orders, self.known) = (orders, known)
    }

    /// Items that buyers were promised, by order of `lot` and `generation`, and that only these ledgers know.
    func promised(_ lot: LotID, _ generation: Generation) -> Int {
        self.orders.values.filter {
            $0.order.lot == lot && $0.order.generation == generation && ($0.state == .reserved || $0.state == .paid)
        }.reduce(0) { $0 + Int($1.order.quantity) }
    }

    /// Counts what a generation of a unit's ledger has sold, by every trace that its folder holds: for settling it.
    ///
    /// - Returns: The count, and how many items of it wait for payment in the ledger in use: settle when there are none,
    ///   because an order that expires later would take its item with it.
    package static func count(
        unitFolder: String, lot: LotID, generation: Generation
    ) throws(StorageError) -> (sold: Int, undecided: Int) {
        let current = UnitEvidence(name: "", audit: try LedgerAudit(path: unitFolder + "/ledger.sqlite"))
        let lost = try LostLedgers(unitFolder: unitFolder, current: current)
        let mine = current.orders.values.filter { $0.order.lot == lot && $0.order.generation == generation }
        func sum(_ state: OrderState) -> Int {
            mine.filter { $0.state == state }.reduce(0) { $0 + Int($1.order.quantity) }
        }
        return (sum(.paid) + sum(.reserved) + lost.promised(lot, generation), sum(.reserved))
    }
}
