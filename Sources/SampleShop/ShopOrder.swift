/// One order in the shop's book, and the rule by which an event changes it. It knows neither HTTP nor a database.
package struct ShopOrder: Hashable, Sendable {
    /// The state of an order of which only a payment to give back is known.
    package static let unheard = "unheard"

    /// What became of a webhook.
    package enum Outcome: String, Hashable, Sendable, CaseIterable {
        /// The book has changed.
        case applied
        /// The id was handled before.
        case duplicate
        /// A newer event of the order is in the book already.
        case history
        /// A fact, or a type, that this shop keeps no book of.
        case ignored
        /// The id belongs to another event: the book does not change, and somebody has to look.
        case conflict
        /// It was not genuine, or could not be read.
        case refused
    }

    package var state: String
    package var place: ShopEvent.Place
    package var payment: String?

    package init(state: String, place: ShopEvent.Place, payment: String? = nil) {
        (self.state, self.place, self.payment) = (state, place, payment)
    }

    /// What the book has of an order before any event.
    package static let none = ShopOrder(
        state: Self.unheard, place: .init(unit: 0, generation: 0, position: 0, index: 0))

    /// Takes an event whose id is new.
    package mutating func take(_ event: ShopEvent) -> Outcome {
        switch event.change {
        case .nothing: return .ignored
        // A payment is given back whatever became of the order, and says nothing about its state.
        case .refund: return .applied
        case .state(let state):
            // Events of an order come in order, but for replays and revived letters.
            guard event.place > self.place else { return .history }
            (self.state, self.place) = (state, event.place)
            self.payment = event.payment ?? self.payment
            return .applied
        }
    }
}
