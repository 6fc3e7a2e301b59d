import TrancheCore

/// A buyer: one home unit, one lot, and a number of tries.
struct Buyer {
    let id: BuyerID
    let home: UnitID
    /// The unit that the buyer asks: the home, or a unit that it was referred to.
    var unit: UnitID
    /// The unit that gave the buyer an order last.
    var orderedAt: UnitID
    let lot: LotID
    let quantity: Int
    var token: OrderID
    var issuedAt: Instant
    var triesLeft: Int
    var tokensLeft: Int
    var waitsFor: UInt64 = 0
    var isDone = false
}

enum BuyerStep { case ask, timeOut(ticket: UInt64), pay(OrderID), cancel(OrderID) }

extension World {
    func invite() {
        let weights = (0..<self.settings.units).map { _ in self.random.number(1...10) }
        for number in 0..<self.settings.buyers {
            let unit = self.home(UnitID(UInt16(self.random.index(weights: weights) + 1)))
            let at = self.random.number(300_000...9_000_000)
            self.buyers.append(
                Buyer(
                    id: BuyerID("b\(number)")!, home: unit, unit: unit, orderedAt: unit,
                    lot: LotID(UInt32(self.random.number(1...self.settings.lots))),
                    quantity: self.random.happens(permille: 150) ? 2 : 1,
                    token: self.token(at: unit), issuedAt: self.start,
                    triesLeft: 40, tokensLeft: self.random.number(0...8)))
            self.schedule(.buyer(number, .ask), afterMicroseconds: at)
        }
    }

    /// The last byte is the home unit, for the planted fault that orders by it.
    private func token(at unit: UnitID) -> OrderID {
        OrderID(high: self.random.next(), low: self.random.next() & ~0xff | UInt64(unit.rawValue))
    }

    func act(_ number: Int, _ step: BuyerStep) {
        switch step {
        case .ask: self.ask(number)
        case .timeOut(let ticket):
            guard self.buyers[number].waitsFor == ticket else { return }
            self.retry(number, afterMilliseconds: 50)
        case .pay(let order) where self.trade != nil: self.pay(atProvider: number, order)
        case .pay(let order):
            self.capture(number, order)
            if self.random.happens(permille: 100) { self.capture(number, order) }  // Double clicks pay twice.
        case .cancel(let order): self.send(.cancel(number, order))
        }
    }

    private func ask(_ number: Int) {
        let last = self.start.advanced(milliseconds: self.settings.endAtMilliseconds - 4_000)
        guard self.buyers[number].triesLeft > 0, self.now < last else { return }
        self.buyers[number].triesLeft -= 1
        self.wander(number)
        self.ticketCount += 1
        let buyer = self.buyers[number]
        self.buyers[number].waitsFor = self.ticketCount
        let request = BuyRequest(
            Purchase(
                order: buyer.token, buyer: buyer.id, lot: buyer.lot, quantity: buyer.quantity,
                issuedAt: buyer.issuedAt),
            stamp: .zero, ticket: self.ticketCount)
        self.send(.buy(number, request))
        self.schedule(.buyer(number, .timeOut(ticket: self.ticketCount)), afterMicroseconds: 3_000_000)
    }

    func retry(_ number: Int, afterMilliseconds: Int) {
        self.buyers[number].waitsFor = 0
        self.schedule(.buyer(number, .ask), afterMicroseconds: 1_000 * afterMilliseconds)
    }

    func buy(_ number: Int, _ request: BuyRequest) {
        let unit = self.buyers[number].unit
        guard let process = self.reached(unit) else { return }
        let now = self.clock(of: unit)
        // Each copy of a request is its own call, with its own answer.
        self.ticketCount += 1
        let ticket = self.ticketCount
        process.waiting[ticket] = Waiting(buyer: number, since: self.now, request: request)
        let atOnce = process.desk.answer(to: request.purchase, now: now)
        // What the original of a clone knows may be old; only new acknowledgements count.
        if atOnce != nil, process.ownLedger != nil { return }
        if let atOnce { return self.tell(unit, process, request.arriving(at: .zero, ticket), atOnce) }
        switch process.desk.addCopy(request.order, ticket: { ticket }) {
        case .waits: return
        case .tooMany:
            return self.tell(unit, process, request.arriving(at: .zero, ticket), .refused(.overloaded(limit: 0)))
        case nil: break
        }
        guard let stamp = process.clock.stamp(now: now, steady: self.now) else {
            return self.tell(unit, process, request.arriving(at: .zero, ticket), .refused(.overloaded(limit: 0)))
        }
        process.desk.beginAdmission(request.order)
        let arrived = request.arriving(at: stamp, ticket, isRemembered: process.desk.remembers(request.purchase))
        if process.ownLedger == nil { self.checker.stamped(unit, stamp) }
        process.intake.append(arrived)
        if process.intake.count == 1 {
            self.schedule(
                .intake(unit, session: process.session), afterMicroseconds: self.random.number(20...3_000))
        }
    }

    func hear(_ number: Int, from unit: UnitID, _ request: BuyRequest, _ answer: Answer) {
        guard !self.buyers[number].isDone, request.order == self.buyers[number].token else { return }
        switch answer {
        case .refused(.referred(let branch)): self.follow(number, to: branch)
        case .order(let order) where order.state.isLive:
            self.noteOrder(number, at: unit)
            self.buyers[number].isDone = true
            self.buyers[number].waitsFor = 0
            self.mark("bought")
            switch self.random.number(1...10) {
            case 1...6:
                self.schedule(.buyer(number, .pay(order.id)), afterMicroseconds: self.random.number(1_000...1_800_000))
            case 7:
                self.schedule(.buyer(number, .cancel(order.id)), afterMicroseconds: self.random.number(1_000...900_000))
            default: break
            }
            // Some buyers repeat the request with the same token, much later.
            if self.random.happens(permille: 200) {
                self.retry(number, afterMilliseconds: self.random.number(100...4_000))
            }
        case .order(let order) where order.state == .contested:
            self.mark("contested")
            self.noteOrder(number, at: unit)
            self.buyers[number].triesLeft += 1  // A status question is not a try.
            self.retry(number, afterMilliseconds: self.random.number(200...600))
            if self.random.happens(permille: 20) {
                self.schedule(.buyer(number, .cancel(order.id)), afterMicroseconds: self.random.number(1_000...900_000))
            }
        case .refused(let refusal) where refusal.isTransient:
            self.retry(number, afterMilliseconds: self.random.number(20...400))
        case .order, .refused: self.tryAnew(number)
        }
    }

    private func tryAnew(_ number: Int) {
        if self.random.happens(permille: 150) { self.retry(number, afterMilliseconds: self.random.number(50...3_000)) }
        guard self.buyers[number].tokensLeft > 0 else { return }
        self.buyers[number].tokensLeft -= 1
        self.buyers[number].triesLeft += 5
        self.buyers[number].token = self.token(at: self.buyers[number].unit)
        self.buyers[number].issuedAt = self.clock(of: self.buyers[number].unit)
        self.retry(number, afterMilliseconds: self.random.number(100...2_500))
    }
}

extension BuyRequest {
    fileprivate func arriving(at stamp: Stamp, _ ticket: UInt64, isRemembered: Bool = false) -> BuyRequest {
        BuyRequest(self.purchase, stamp: stamp, ticket: ticket, isRemembered: isRemembered)
    }
}
