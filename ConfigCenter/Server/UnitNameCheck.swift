import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// Which name each unit's number has, for callers with certificates.
final class UnitNameCheck: Sendable {
    private let book: ConfigBook
    /// Names that matched. The book is another executor: a hop for each report would cost more than the rest of the call.
    private let matched = NIOLockedValueBox<[UnitID: String]>([:])

    init(book: ConfigBook) { self.book = book }

    func judge(_ unit: UnitID, _ name: String) async -> UnitNaming {
        if self.matched.withLockedValue({ $0[unit] == name }) { return .same }
        let naming = UnitNaming(unit, named: name, in: await self.book.config.units.map { (id: $0.id, name: $0.name) })
        // Only what the configuration says: a number that is free may get another name.
        if naming == .same { self.matched.withLockedValue { $0[unit] = name } }
        return naming
    }
}
