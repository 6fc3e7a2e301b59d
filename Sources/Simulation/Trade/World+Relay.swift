import TrancheCore

// The relay of a unit: it reads the ledger, tells the shop, and keeps its cursor on the unit's disk.

extension World {
    private static let relayTickMilliseconds = 20
    private static let quietTickMilliseconds = 100
    private static let notesMilliseconds: Int64 = 100
    private static let deliveryMilliseconds = 700

    func startTrade(_ unit: UnitID, _ process: UnitProcess) {
        guard let trade else { return }
        process.relay = SimulatedRelay(trade.disks[unit] ?? RelayDisk(), now: self.moment(of: unit))
        process.refundsAtStart = Set(process.machine.book.refunds.filter { !$0.isDone }.map(\.key))
        self.schedule(.relayTick(unit, session: process.session), afterMilliseconds: Self.relayTickMilliseconds)
    }

    private func moment(of unit: UnitID) -> Moment { Moment(wall: self.clock(of: unit), steady: self.now) }

    func relayTick(_ unit: UnitID, session: UInt64) {
        guard let process = self.process(unit, session), let relay = process.relay else { return }
        self.read(unit, relay)
        for delivery in relay.machine.start(now: self.moment(of: unit)) {
            relay.underway[delivery.ticket] = delivery.tryNumber
            self.send(.trade(.delivery(unit, session: session, delivery)))
            self.schedule(
                .deliveryTimeout(unit, session: session, ticket: delivery.ticket, tryNumber: delivery.tryNumber),
                afterMilliseconds: Self.deliveryMilliseconds)
        }
        self.writeNotes(unit, relay)
        self.schedule(
            .relayTick(unit, session: session),
            afterMilliseconds: self.faultsAreOn ? Self.relayTickMilliseconds : Self.quietTickMilliseconds)
    }

    private func read(_ unit: UnitID, _ relay: SimulatedRelay) {
        let wanted = relay.machine.wanted(.journal, head: relay.head)
        guard wanted > 0, var cursor = relay.machine.read(.journal) else { return }
        let entries = self.units[known: unit].ledger.entries
        var events: [OutboxEvent] = []
        while cursor.position < relay.head, events.count < wanted {
            events += cursor.pass(entries[Int(cursor.position)], at: cursor.position + 1)
        }
        relay.machine.take(events, upTo: cursor, of: .journal, now: self.moment(of: unit))
    }

    func reachShop(_ unit: UnitID, _ session: UInt64, _ delivery: RelayMachine.Delivery) {
        let habits = self.trade!.habits
        var answer = RelayMachine.Answer.yes
        if habits.shopIsAwayUntil > self.now {
            guard self.tradeHappens(permille: 500) else { return }
            answer = .no(reason: "away")
        } else if self.tradeHappens(permille: habits.refusedPermille) {
            answer = .no(reason: "refused")
        }
        if answer == .yes {
            switch self.trade!.shop.take(delivery.event, from: unit) {
            case .new: break
            case .repeated: self.mark("event delivered twice")
            case .outOfOrder(let last):
                let isExcused = self.trade!.judge.excused.contains(delivery.event.order)
                self.checker.live(
                    isExcused, "I15",
                    "\(delivery.event.kind.name) of order \(delivery.event.order) at \(delivery.event.place.position) "
                        + "reached the shop after \(last.position)")
            }
        }
        self.reply(
            .deliveryAnswer(
                unit, session: session, ticket: delivery.ticket, tryNumber: delivery.tryNumber, answer),
            within: habits.shopMilliseconds)
    }

    /// Each try has one answer: what comes after its time is dropped.
    func deliveryAnswered(
        _ unit: UnitID, _ session: UInt64, _ ticket: UInt64, _ tryNumber: Int, _ answer: RelayMachine.Answer
    ) {
        guard let relay = self.process(unit, session)?.relay, relay.underway[ticket] == tryNumber else { return }
        relay.underway[ticket] = nil
        relay.machine.answered(ticket, answer, draw: self.trade!.random.next(), now: self.moment(of: unit))
        if relay.machine.isAway { self.mark("relay waits for a shop that is away") }
    }

    private func writeNotes(_ unit: UnitID, _ relay: SimulatedRelay) {
        guard relay.nextNotes <= self.now else { return }
        if let notes = relay.machine.takeNotes() {
            if relay.unwritten == nil { relay.unwritten = notes } else { relay.unwritten?.add(notes) }
        }
        guard var notes = relay.unwritten else { return }
        relay.nextNotes = self.now.advanced(milliseconds: Self.notesMilliseconds)
        if self.tradeHappens(permille: self.trade!.habits.crashPermille) {
            self.mark("crashed before the cursor")
            return self.crashUnit(unit)
        }
        let isFull = self.units[known: unit].diskIsFullUntil > self.now
        if isFull || self.tradeHappens(permille: self.trade!.habits.failedCursorPermille) {
            return self.mark("cursor not written")
        }
        relay.unwritten = nil
        if self.plant == .cursorBeforeYes { notes.record.cursor = relay.machine.read(.journal) ?? .start }
        if !notes.letters.isEmpty { self.mark("event put aside") }
        self.trade!.disks[unit, default: RelayDisk()].write(notes)
        self.judgeCursor(unit)
    }
}
