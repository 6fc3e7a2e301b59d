import Foundation
package import Storage
import TrancheAPI
package import TrancheCore

/// Why files could not be compared.
package enum ReconciliationError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownSale(String)
    case file(path: String, detail: String)
    case line(path: String, number: Int, detail: String)
    case storage(StorageError)

    package var description: String {
        switch self {
        case .unknownSale(let sale): "the configuration has no sale \"\(sale.prefix(64))\""
        case .file(let path, let detail): "\(path): \(detail)"
        case .line(let path, let number, let detail): "\(path), line \(number): \(detail)"
        case .storage(let error): error.description
        }
    }

    init(_ error: any Error, path: String) {
        switch error {
        case let known as ReconciliationError: self = known
        case let known as StorageError: self = .storage(known)
        default: self = .file(path: path, detail: "\(error)")
        }
    }
}

/// Compares the files of an installation with the lists of a shop and of its payment provider.
package struct FileReconciliation {
    /// The units by number, with the names of their folders.
    package let units: [UnitID: String]
    package let orders: Int
    package let differences: [Difference]

    /// - Parameters:
    ///   - folder: The data folder: `center/` and `units/NAME/`.
    ///   - authority: The state of centers that share a server, in place of the file in `center/`.
    ///   - sale: Only orders of this sale, and those that no ledger knows.
    ///   - shop: The path of the shop's list.
    ///   - provider: The path of the provider's list.
    ///   - now: The moment by which deadlines are judged.
    package init(
        folder: String, authority: (any AuthorityStorage)? = nil, sale: String? = nil, shop: String? = nil,
        provider: String? = nil, now: Instant
    ) throws(ReconciliationError) {
        var table = Reconciliation()
        // The lists first: an order that is paid meanwhile is in the ledger then, and at worst missing in the list.
        if let shop {
            table.expectShop()
            try OrderList.read(shop) { table.takeShop($0) }
        }
        if let provider {
            table.expectProvider()
            try OrderList.read(provider) { table.takeProvider($0) }
        }
        do {
            let files = try SaleFiles(folder: folder, authority: authority)
            let lots = try sale.map { try Self.lots(of: $0, in: files.config) }
            for record in try files.store.log() { table.take(record) }
            let ledgers = try files.ledgers()
            for ledger in ledgers {
                _ = try LedgerStream.read(ledger.location) { entry, position, _ in
                    table.take(entry, of: ledger.unit, at: position)
                }
                for (consumer, letter) in try OutboxLetters.read(ledger.location) {
                    table.take(letter, for: consumer, of: ledger.unit)
                }
            }
            for (unit, order) in try files.owed(ledgers) { table.takeOwed(order, of: unit) }
            let ended = files.config.sales.filter { $0.state == .settled }.flatMap { $0.lots.map(\.id) }
            self.units = Dictionary(ledgers.map { ($0.unit, $0.name) }) { first, _ in first }
            self.orders = table.count
            self.differences = table.differences(lots: lots, ended: Set(ended), now: now)
        } catch { throw ReconciliationError(error, path: folder) }
    }

    private static func lots(of sale: String, in config: SaleConfig) throws(ReconciliationError) -> Set<LotID> {
        guard let sale = config.sales.first(where: { $0.id == sale }) else { throw .unknownSale(sale) }
        return Set(sale.lots.map(\.id))
    }
}
