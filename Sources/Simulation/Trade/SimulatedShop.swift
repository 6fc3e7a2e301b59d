import TrancheCore

/// The shop: a book of what it was told, each event once by its id.
struct SimulatedShop {
    struct Fact: Hashable {
        let kind: OutboxEvent.Kind
        let order: OrderID
    }
    private(set) var facts: [UnitID: [OutboxPlace: Fact]] = [:]
    /// The last fact of each order at each unit.
    private var last: [UnitID: [OrderID: OutboxPlace]] = [:]

    enum Taking { case new, repeated, outOfOrder(after: OutboxPlace) }

    mutating func take(_ event: OutboxEvent, from unit: UnitID) -> Taking {
        guard self.facts[unit]?[event.place] == nil else { return .repeated }
        self.facts[unit, default: [:]][event.place] = Fact(kind: event.kind, order: event.order)
        if let last = self.last[unit]?[event.order], event.place < last { return .outOfOrder(after: last) }
        self.last[unit, default: [:]][event.order] = event.place
        return .new
    }
}
