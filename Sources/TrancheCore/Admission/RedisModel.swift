/// The Redis script as a pure machine: the same calls give the same answers.
///
/// The simulator sells through it; a test compares it with the real script on a real Redis.
package struct RedisModel: Sendable {
    package struct Holding: Hashable, Sendable {
        package var quantity: Int
        package var orders: [OrderID]
    }
    package private(set) var fence: UInt64
    package private(set) var sequence: UInt64 = 0
    package private(set) var available: Int
    package private(set) var holdings: [BuyerID: Holding]
    /// What was admitted, with the sequence of its call.
    package private(set) var queue: [(sequence: UInt64, request: BuyRequest)] = []

    package init(prime: LotPrime) {
        self.fence = prime.fence
        self.available = prime.available
        self.holdings = [:]
        for holding in prime.holdings {
            self.holdings[holding.buyer] = Holding(quantity: holding.quantity, orders: holding.orders)
        }
    }

    package mutating func handle(_ call: LotCall) -> LotResult {
        if call.fence < self.fence { return .superseded }
        if call.fence > self.fence || self.sequence < call.sequence { return .lost }
        self.queue.removeAll { $0.sequence <= call.committed }
        for order in call.releases { self.release(order) }
        self.available += call.credit
        let taken = call.reclaimKeep.map { max(0, self.available - $0) } ?? 0
        self.available -= taken
        let verdicts = call.requests.map { self.admit($0, limit: call.buyerLimit) }
        self.sequence += 1
        return .decided(verdicts: verdicts, sequence: self.sequence, available: self.available, taken: taken)
    }

    private mutating func release(_ order: Order) {
        guard var holding = self.holdings[order.buyer], let place = holding.orders.firstIndex(of: order.id) else {
            return
        }
        holding.orders.remove(at: place)
        holding.quantity -= Int(order.quantity)
        self.holdings[order.buyer] = holding.orders.isEmpty ? nil : holding
        self.available += Int(order.quantity)
    }

    private mutating func admit(_ request: BuyRequest, limit: Int) -> AdmissionVerdict {
        var holding = self.holdings[request.buyer] ?? Holding(quantity: 0, orders: [])
        if holding.orders.contains(request.order) { return .known }
        let quantity = Int(request.quantity)
        if holding.quantity + quantity > limit { return .overLimit(held: holding.quantity) }
        if quantity > self.available { return .short }
        self.available -= quantity
        holding.quantity += quantity
        holding.orders.append(request.order)
        self.holdings[request.buyer] = holding
        self.queue.append((self.sequence + 1, request))
        return .admitted
    }
}
