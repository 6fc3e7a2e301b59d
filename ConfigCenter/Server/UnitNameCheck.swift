import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// Which name each unit's number has, for callers with certificates.
final class UnitNameCheck: Sendable {
    private struct Matched {
        /// The book in which the names matched. Another center may have led meanwhile, and given a number another name.
        var book: ObjectIdentifier?
        var names: [UnitID: String] = [:]
    }
    private let seat: CenterSeat
    /// Names that matched. The book is another executor: a hop for each report would cost more than the rest of the call.
    private let matched = NIOLockedValueBox(Matched())

    init(seat: CenterSeat) { self.seat = seat }

    func judge(_ unit: UnitID, _ name: String) async -> UnitNaming {
        // A standby knows no units. It answers every such request with the leader's address, and does nothing else.
        guard let book = (try? self.seat.center)?.book else { return .same }
        let isKnown = self.matched.withLockedValue { $0.book == ObjectIdentifier(book) && $0.names[unit] == name }
        if isKnown { return .same }
        let naming = UnitNaming(unit, named: name, in: await book.config.units.map { (id: $0.id, name: $0.name) })
        // Only what the configuration says: a number that is free may get another name.
        guard naming == .same else { return naming }
        self.matched.withLockedValue { matched in
            if matched.book != ObjectIdentifier(book) { matched = Matched(book: ObjectIdentifier(book)) }
            matched.names[unit] = name
        }
        return naming
    }
}
