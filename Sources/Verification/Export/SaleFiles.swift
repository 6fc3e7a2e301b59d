import Foundation
import Storage
import TrancheAPI
import TrancheCore

/// The files of an installation, read a ledger at a time.
struct SaleFiles {
    /// One unit's ledger, after a first reading.
    struct Ledger {
        let name: String
        let location: LedgerLocation
        let unit: UnitID
        /// The orders of all refunds that are due.
        let refunds: Set<OrderID>
    }

    let folder: String
    let store: any AuthorityStorage
    /// The newest version.
    let config: SaleConfig

    /// - Parameters:
    ///   - folder: The data folder: `center/` and `units/NAME/`.
    ///   - authority: The state of centers that share a server, in place of the file in `center/`.
    init(folder: String, authority: (any AuthorityStorage)?) throws {
        self.folder = folder
        self.store = try authority ?? AuthorityStore(reading: folder + "/center/authority.sqlite")
        let newest = try self.store.configVersions(limit: 1).first
        self.config = try newest.map { try JSON.decode(SaleConfig.self, from: $0.content) } ?? SaleConfig()
    }

    /// Reads which unit each ledger is of, and which orders have a refund. In the order of units.
    func ledgers() throws -> [Ledger] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.folder + "/units").sorted()) ?? []
        return try names.compactMap { name -> Ledger? in
            guard let location = try LedgerLocation.inUse(in: "\(self.folder)/units/\(name)") else { return nil }
            var refunds: Set<OrderID> = []
            let result = try LedgerStream.read(location) { entry, _, _ in
                if case .refundDue(let refund) = entry { refunds.insert(refund.order) }
            }
            return Ledger(name: name, location: location, unit: result.unit, refunds: refunds)
        }.sorted { ($0.unit, $0.name) < ($1.unit, $1.name) }
    }

    /// The orders that only replaced ledgers know. Only units that have such ledgers are read into memory.
    func owed(_ ledgers: [Ledger]) throws -> [(unit: UnitID, order: Order)] {
        try ledgers.flatMap { ledger -> [(unit: UnitID, order: Order)] in
            let unitFolder = "\(self.folder)/units/\(ledger.name)"
            guard FileManager.default.fileExists(atPath: "\(unitFolder)/\(LostLedgers.folder)") else { return [] }
            let archives = LotArchive.folder(of: unitFolder + "/" + LedgerLocation.fileName)
            let current = UnitEvidence(
                name: ledger.name, audit: try LedgerAudit(ledger.location, archives: archives))
            return try LostLedgers(unitFolder: unitFolder, current: current).live.map { (ledger.unit, $0) }
        }
    }
}

extension LostLedgers {
    /// The orders that hold items, and that only these ledgers contain, in order.
    var live: [Order] {
        self.orders.filter { $0.value.state == .reserved || $0.value.state == .paid }
            .sorted { ($0.key.order, $0.key.generation) < ($1.key.order, $1.key.generation) }
            .map { _, forgotten in
                var order = forgotten.order
                order.state = forgotten.state
                return order
            }
    }
}
