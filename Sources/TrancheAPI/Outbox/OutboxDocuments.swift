package import TrancheCore

/// A consumer of a unit's events, as operators see it.
package struct ConsumerDocument: Hashable, Sendable, Codable {
    package let consumer: String
    /// Everything up to this position was taken, or is a letter.
    package let position: UInt64
    /// Entries of the ledger behind it.
    package let lag: UInt64
    package let delivered: Int
    package let retried: Int
    /// Events that wait for a later try, or for an earlier event of their order.
    package let waiting: Int
    package let dead: Int
    /// `sending`, `away`, `disabled`, or `unreadable` while the ledger cannot be read.
    package let state: String
    package let perSecond: Int?
    /// The last position of a replay that is under way.
    package let replayUpTo: UInt64?

    package init(
        consumer: String, position: UInt64, head: UInt64, figures: RelayMachine.Figures, state: String,
        perSecond: Int?, replayUpTo: UInt64?
    ) {
        (self.consumer, self.position, self.state) = (consumer, position, state)
        self.lag = head > position ? head - position : 0
        (self.delivered, self.retried) = (figures.delivered, figures.retried)
        (self.waiting, self.dead) = (figures.letters, figures.dead)
        (self.perSecond, self.replayUpTo) = (perSecond, replayUpTo)
    }
}

/// An event that was given up after its last try.
package struct DeadLetterDocument: Hashable, Sendable, Codable {
    package let id: String
    package let position: UInt64
    package let index: Int
    package let type: String
    package let order: OrderID
    package let tries: Int
    package let diedAt: String
    package let reason: String

    package init(_ letter: RelayLetter, unit: UnitID) {
        self.id = letter.event.id(of: unit)
        (self.position, self.index) = (letter.event.place.position, letter.event.place.index)
        self.type = WebhookBody.type(of: letter.event.kind)
        (self.order, self.tries, self.reason) = (letter.event.order, letter.tries, letter.reason)
        self.diedAt = JSON.text(letter.due)
    }
}

/// What an operator wants of a consumer. Each act may be repeated: it has the same effect.
package struct ConsumerAct: Hashable, Sendable, Codable {
    package enum Name: String, Hashable, Sendable, Codable, CaseIterable {
        /// Try dead letters again, and waiting ones at once.
        case revive
        /// Send a range of the journal once more.
        case replay
        /// Send again after the receiver said that it is gone.
        case enable
        /// Change the rate until the next restart.
        case rate
    }
    package let act: Name
    /// Of a replay: the first and the last position.
    package let from: UInt64?
    package let to: UInt64?
    /// Of a rate; without it there is no limit.
    package let perSecond: Int?

    package init(act: Name, from: UInt64? = nil, to: UInt64? = nil, perSecond: Int? = nil) {
        (self.act, self.from, self.to, self.perSecond) = (act, from, to, perSecond)
    }
}
