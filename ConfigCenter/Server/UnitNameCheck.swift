import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// Which name each unit's number has, for callers with certificates.
struct UnitNameCheck: Sendable {
    let seat: CenterSeat

    /// - Throws: ``Problem`` with code `not_leading` in a standby, before it reads the body: judged now and carried out when
    ///   it leads, a request would have escaped the check.
    func judge(_ unit: UnitID, _ name: String) throws(Problem) -> UnitNaming {
        let names = try self.seat.center.book.unitNames.withLockedValue { $0 }
        if names[unit] == name { return .same }
        return UnitNaming(unit, named: name, in: names.map { (id: $0.key, name: $0.value) })
    }
}
