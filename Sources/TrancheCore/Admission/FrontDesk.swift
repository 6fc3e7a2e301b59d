/// Answers from memory what needs no admission: known orders, and lots known to be sold out.
///
/// The desk has only what is durable: whatever is published to it is in the ledger, and orders are in Redis, too.
package struct FrontDesk: Sendable {
    private var orders = OrderTable()
    private var refusals: [OrderID: FinalRefusal] = [:]
    /// Positions of waitlisted orders, by the coordinator's last reply. An order that got its items from the line keeps its last one, and
    /// so is known as an offer, until it is paid or has ended.
    private var positions: [OrderID: WaitlistPosition] = [:]
    private var memories: [LotID: RefusalMemory] = [:]
    private var rules: [LotID: LotRules] = [:]
    private var soldOut: Set<LotID> = []
    /// Orders that admission is deciding, each with the tickets of the copies of its request that wait for the same answer.
    /// Copies do not reach admission: they do not count as demand, and take no place in a queue.
    private var underway: [OrderID: [UInt64]] = [:]
    /// Requests answered from the sold-out flag since the last ``takeOffered()``, by lot: demand that admission never saw.
    private var offered: [LotID: Int] = [:]
    /// Whether Redis was asked what it had admitted beyond the ledger. Until then the memory might refuse a request that
    /// becomes an order, so the desk asks its buyer to repeat it.
    private var isRecovered = true
    /// Orders in the ledger that Redis has not confirmed.
    private var withheld: Set<OrderID> = []
    /// By lot: units that were added later, and take new buyers.
    private var branches: [LotID: [Branch]] = [:]
    package var uncertaintyMicroseconds: Int64

    package init(uncertaintyMicroseconds: Int64 = 500) { self.uncertaintyMicroseconds = uncertaintyMicroseconds }

    /// Takes over a book that was read from the ledger; ``Publication/recovered`` follows. Lots that were ever sold out refuse all tokens made before `now`.
    package mutating func load(_ book: UnitBook, now: Instant) {
        self.orders = book.orders
        self.refusals = book.refused
        self.soldOut = []
        self.positions = [:]
        self.underway = [:]
        self.withheld = []
        self.isRecovered = false
        self.branches = book.branches
        for lot in book.lotsEverSoldOut {
            self.memories[lot] = RefusalMemory(cut: now.advanced(milliseconds: RefusalMemory.clockSlackMilliseconds))
        }
    }

    package mutating func configure(_ rules: [LotRules]) {
        self.rules = Dictionary(uniqueKeysWithValues: rules.map { ($0.lot, $0) })
    }

    package func order(_ id: OrderID) -> Order? { self.orders[id] }

    package func position(of id: OrderID) -> WaitlistPosition? { self.positions[id] }

    private mutating func set(_ position: WaitlistPosition, of id: OrderID) {
        let state = self.orders.state(of: id)
        guard state == .contested || state == .reserved else { return }
        // The first position has no number yet, and must not replace a later one.
        if position.ahead != nil || self.positions[id] == nil { self.positions[id] = position }
    }

    package func closedReason(_ lot: LotID, now: Instant) -> Refusal? {
        guard let rules = self.rules[lot] else { return .unknownLot(lot) }
        return rules.closedReason(now: now, uncertaintyMicroseconds: self.uncertaintyMicroseconds)
    }

    package enum Arrival: Hashable, Sendable {
        case answered(Answer)
        /// A copy of a request under way: it gets the same answer.
        case waits
        /// It is new here, and may go to admission; see ``remembers(_:)``.
        case needsAdmission(isRemembered: Bool)
    }

    /// Judges a purchase that came in. What is known comes before what the load allows: a retry, and a buyer with an order,
    /// are answered in any storm.
    ///
    /// - Parameters:
    ///   - shares: The requests that wait for a decision.
    ///   - isOpen: Whether the engine takes requests.
    package mutating func judge(
        _ purchase: Purchase, under load: inout UnitLoad, _ shares: LotShares, isOpen: Bool, now: Instant,
        ticket: () -> UInt64
    ) -> Arrival {
        if let answer = self.answer(to: purchase, now: now) { return .answered(answer) }
        guard isOpen else { return .answered(.refused(.recovering)) }
        switch self.addCopy(purchase.order, ticket: ticket) {
        case .waits: return .waits
        case .tooMany: return .answered(.refused(.overloaded(limit: Limits.copiesPerRequest)))
        case nil: break
        }
        if let refusal = load.admitOrShed(purchase.order, now: now) { return .answered(.refused(refusal)) }
        guard shares.exhausted(purchase.lot) == nil else {
            return .answered(.refused(load.shed(purchase.order, now: now)))
        }
        return .needsAdmission(isRemembered: self.remembers(purchase))
    }

    /// The answer to a request, or `nil` if it must go to admission.
    package mutating func answer(to purchase: Purchase, now: Instant) -> Answer? {
        let (order, lot, quantity) = (purchase.order, purchase.lot, purchase.quantity)
        if let known = self.orders[order] { return Answer(known) }
        if let refusal = self.refusals[order] { return .refused(Refusal(refusal, requested: quantity)) }
        if self.withheld.contains(order) { return .refused(.recovering) }
        guard let rules = self.rules[lot] else { return .refused(.unknownLot(lot)) }
        if let refusal = rules.refusal(
            quantity: quantity, now: now, uncertaintyMicroseconds: self.uncertaintyMicroseconds)
        {
            return .refused(refusal)
        }
        if self.memories[lot]?.refuses(order, issuedAt: purchase.issuedAt) == true {
            // The first copy is in admission and may be admitted. This one gets the same answer.
            if self.underway[order] != nil { return nil }
            if self.isRecovered, self.mayBeReferred(purchase) { return nil }
            return .refused(self.isRecovered ? .soldOut(requested: quantity) : .recovering)
        }
        guard self.soldOut.contains(lot), self.underway[order] == nil, !self.mayBeReferred(purchase) else { return nil }
        self.memories[lot, default: RefusalMemory()].remember(order, now: now)
        self.offered[lot, default: 0] += 1
        return .refused(.soldOut(requested: quantity))
    }

    /// Whether only the engine knows the answer: the buyer goes to a branch, or has an order here. The branch may have sold
    /// what this desk would refuse.
    private func mayBeReferred(_ purchase: Purchase) -> Bool {
        guard !self.branches.isEmpty, let branches = self.branches[purchase.lot] else { return false }
        return HomeUnit.branch(of: purchase.buyer, among: branches) != nil
    }

    /// Whether the desk would refuse a purchase from its memory, if its buyer did not prefer a branch.
    package func remembers(_ purchase: Purchase) -> Bool {
        guard !self.branches.isEmpty else { return false }
        return self.memories[purchase.lot]?.refuses(purchase.order, issuedAt: purchase.issuedAt) == true
    }

    package enum Copy: Hashable, Sendable {
        /// It gets the answer of the request that admission is deciding.
        case waits
        /// The limit of waiting copies is reached.
        case tooMany
    }

    /// Lets a copy of a request wait beside it.
    ///
    /// - Returns: `nil` if no request with this token is being decided: this is the first one.
    package mutating func addCopy(_ order: OrderID, ticket: () -> UInt64) -> Copy? {
        guard let copies = self.underway[order] else { return nil }
        guard copies.count < Limits.copiesPerRequest else { return .tooMany }
        self.underway[order]!.append(ticket())
        return .waits
    }

    /// Notes that a request goes to admission; each such request is answered by a ``Publication/answer(_:_:)``.
    package mutating func beginAdmission(_ order: OrderID) { self.underway[order] = self.underway[order] ?? [] }

    /// Keeps what has become durable.
    ///
    /// - Returns: What may leave now.
    package mutating func learn(_ publications: ArraySlice<Publication>, now: Instant) -> Delivery {
        var delivery = Delivery(publications: publications.count)
        for publication in publications {
            switch publication {
            case .answer(let request, let answer):
                switch answer {
                case .order(let order): self.set(order)
                case .refused(.soldOut):
                    self.memories[request.lot, default: RefusalMemory()].remember(request.order, now: now)
                case .refused(.duplicate(let held, let limit)):
                    self.refusals[request.order] = .duplicate(held: held, limit: limit)
                case .refused(.limitReached(_, let held, let limit)):
                    self.refusals[request.order] = .limitReached(held: held, limit: limit)
                case .refused: break
                }
                self.addAnswer(to: request, answer, into: &delivery)
            case .withheld(let request):
                self.withheld.insert(request.order)
                self.addAnswer(to: request, .refused(.recovering), into: &delivery)
            case .answerTicket(let ticket, let answer): delivery.answers.append((ticket, answer))
            case .changed(let order):
                self.set(order)
                delivery.changed.append(order.id)
            case .waitlisted(let order, let position):
                self.set(position, of: order)
                delivery.changed.append(order)
            case .soldOut(let lot, true): self.soldOut.insert(lot)
            case .soldOut(let lot, false): self.soldOut.remove(lot)
            case .recovered: self.isRecovered = true
            case .archived(_, let left): self.orders = left
            case .branched(let lot, let branch): self.branches[lot, default: []].append(branch)
            }
        }
        return delivery
    }

    /// Adds the answer to a request and to its copies.
    private mutating func addAnswer(to request: BuyRequest, _ answer: Answer, into delivery: inout Delivery) {
        let copies = self.underway.removeValue(forKey: request.order) ?? []
        delivery.answers.append((request.ticket, answer))
        for copy in copies { delivery.answers.append((copy, answer)) }
    }

    private mutating func set(_ order: Order) {
        self.orders.set(order)
        if !self.withheld.isEmpty { self.withheld.remove(order.id) }
        if order.state != .contested, order.state != .reserved { self.positions[order.id] = nil }
    }

    package func isSoldOut(_ lot: LotID) -> Bool { self.soldOut.contains(lot) }

    package mutating func takeOffered() -> [LotID: Int] {
        defer { self.offered.removeAll(keepingCapacity: true) }
        return self.offered
    }
}

/// What leaves the process after a publication.
package struct Delivery: Sendable {
    /// By ticket: the first request, then its copies.
    package internal(set) var answers: [(ticket: UInt64, answer: Answer)] = []
    /// Orders that changed, for connections that watch them.
    package internal(set) var changed: [OrderID] = []

    /// - Parameter count: Publications that will be delivered: room for all of them is made at once.
    init(publications count: Int) {
        self.answers.reserveCapacity(count)
        self.changed.reserveCapacity(count)
    }
}
