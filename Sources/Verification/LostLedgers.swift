import Foundation
package import Storage
package import TrancheCore

/// Ledgers of one unit that were replaced by an older copy and found again. Orders that only they contain are still
/// valid.
///
/// They are in the unit's folder, in `lost/`.
package struct LostLedgers: Sendable {
    package static let folder = "lost"

    /// An order that no ledger in use knows.
    struct Forgotten: Sendable {
        let order: Order
        let state: OrderState
    }

    struct Key: Hashable { let order: OrderID; let generation: Generation }

    let orders: [Key: Forgotten]
    let known: Set<OrderID>
    /// Orders that a lost ledger has as paid.
    let paid: Set<OrderID>
    /// The files read.
    let count: Int

    /// - Parameter current: The ledger that is in use.
    /// - Throws: ``StorageError`` if a file is unreadable, damaged, or of another unit: a count without it would be too
    ///   low, and the difference would be sold again.
    init(unitFolder: String, current: UnitEvidence) throws(StorageError) {
        let folder = unitFolder + "/" + Self.folder
        var (orders, known, paid): ([Key: Forgotten], Set<OrderID>, Set<OrderID>) = ([:], [], [])
        let names = try Self.files(in: folder)
        for name in names {
            let lost = UnitEvidence(name: name, audit: try LedgerAudit(path: folder + "/" + name))
            guard lost.audit.unit == current.audit.unit else {
                throw .wrongOwner(
                    path: folder + "/" + name, expected: "unit \(current.audit.unit)", found: "unit \(lost.audit.unit)")
            }
            if let finding = lost.findings.values.flatMap({ $0 }).first {
                throw .corrupt(path: folder + "/" + name, detail: finding)
            }
            known.formUnion(lost.orders.keys)
            for (id, sold) in lost.orders {
                if sold.state == .paid { paid.insert(id) }
                // Of several ledgers, the one with the payment counts.
                let key = Key(order: id, generation: sold.order.generation)
                if orders[key]?.state != .paid { orders[key] = Forgotten(order: sold.order, state: sold.state) }
            }
        }
        // The ledger in use decides the state of an order that it knows. But a paid order holds its item, even if it is
        // bought again in a later generation: that is another item, and may expire.
        for (key, forgotten) in orders {
            guard let now = current.orders[key.order] else { continue }
            let isKept = (now.state == .reserved || now.state == .paid) && now.order.generation == key.generation
            if isKept || forgotten.state != .paid { orders[key] = nil }
        }
        (self.orders, self.known, self.paid, self.count) = (orders, known, paid, names.count)
    }

    private static func files(in folder: String) throws(StorageError) -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sqlite") }
                .sorted()
        } catch { throw .io(path: folder, detail: error.localizedDescription) }
    }

    /// Items promised to buyers that only these ledgers contain, by order of `lot` and `generation`.
    func promised(_ lot: LotID, _ generation: Generation) -> Int {
        self.orders.values.filter {
            $0.order.lot == lot && $0.order.generation == generation && ($0.state == .reserved || $0.state == .paid)
        }.reduce(0) { $0 + Int($1.order.quantity) }
    }

    /// The sales of one generation of a unit's ledger, by all ledgers in its folder: for a settlement.
    package struct Count: Sendable {
        package let sold: Int
        /// Unpaid items in the ledger in use. Settle when there are none: the item of an order that expires later would
        /// be lost.
        package let undecided: Int
        /// The ledger in use is in another generation: sales of the older one may be in lost ledgers only.
        package let hasMovedOn: Bool
        /// Lost ledgers that were read.
        package let lostLedgers: Int
    }

    /// - Throws: ``StorageError`` if one of the files is unreadable or damaged.
    package static func count(
        unitFolder: String, lot: LotID, generation: Generation
    ) throws(StorageError) -> Count {
        let location = try LedgerLocation.inUse(in: unitFolder) ?? .file(unitFolder + "/" + LedgerLocation.fileName)
        let current = UnitEvidence(
            name: "ledger",
            audit: try LedgerAudit(
                location, archives: LotArchive.folder(of: unitFolder + "/" + LedgerLocation.fileName)))
        let path = current.audit.path
        if let finding = current.findings.values.flatMap({ $0 }).first { throw .corrupt(path: path, detail: finding) }
        let lost = try LostLedgers(unitFolder: unitFolder, current: current)
        let mine = current.orders.values.filter { $0.order.lot == lot && $0.order.generation == generation }
        func sum(_ state: OrderState) -> Int {
            mine.filter { $0.state == state }.reduce(0) { $0 + Int($1.order.quantity) }
        }
        return Count(
            sold: sum(.paid) + sum(.reserved) + lost.promised(lot, generation), undecided: sum(.reserved),
            hasMovedOn: current.generation > generation, lostLedgers: lost.count)
    }
}
