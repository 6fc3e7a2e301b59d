/// Orders by their ids, in little memory: 64 bytes each, and the buyer's name.
///
/// Orders are never removed, and keep the sequence of their arrival. A copy shares all unchanged pieces, so it is
/// cheap.
package struct OrderTable: Sendable {
    private struct Record: Sendable {
        // This order of fields leaves no gaps.
        let id: OrderID
        let stamp: Stamp
        var deadline: Instant
        let quantity: Int32
        let terms: UInt32
        let buyerStart: UInt32
        var paymentStart: UInt32
        let buyerLength: UInt8
        var paymentLength: UInt8
        var state: OrderState

        var buyer: TextStore.Place { .init(start: self.buyerStart, length: self.buyerLength) }
        var payment: TextStore.Place { .init(start: self.paymentStart, length: self.paymentLength) }
    }

    /// Values that many orders share.
    private struct Terms: Hashable, Sendable {
        let lot: LotID
        let generation: Generation
        let buyerLimit: Int32
        let price: Money

        init(_ order: Order) {
            (self.lot, self.generation) = (order.lot, order.generation)
            (self.buyerLimit, self.price) = (order.buyerLimit, order.price)
        }
    }

    private static let recordsPerPiece = 512
    private var pieces: [[Record]] = []
    private var texts = TextStore()
    private var index = HashIndex()
    private var terms: [Terms] = []
    private var termsPlaces: [Terms: UInt32] = [:]
    /// By row: what few orders have.
    private var references: [Int: TextStore.Place] = [:]
    /// By row, of reserved orders: what was paid in part.
    private var partPaid: [Int: Int64] = [:]

    package init() {}

    package private(set) var count = 0
    package var isEmpty: Bool { self.count == 0 }

    package subscript(id: OrderID) -> Order? { self.row(of: id).map { self.order(at: $0) } }

    package func state(of id: OrderID) -> OrderState? { self.row(of: id).map { self.record($0).state } }

    package func payment(of id: OrderID) -> PaymentID? {
        self.row(of: id).flatMap { PaymentID(self.texts[self.record($0).payment]) }
    }

    /// Whether the lot has any order. Looks at no order.
    func hasOrders(of lot: LotID) -> Bool { self.terms.contains { $0.lot == lot } }

    package func id(at row: Int) -> OrderID { self.record(row).id }

    package func payment(at row: Int) -> PaymentID? { PaymentID(self.texts[self.record(row).payment]) }

    /// The order's row: rows count from 0, and never change.
    func row(of id: OrderID) -> Int? {
        self.index.find(hash: Self.hash(id)) { self.record($0).id == id }
    }

    package func order(at row: Int) -> Order {
        let record = self.record(row)
        let terms = self.terms[Int(record.terms)]
        let part = self.partPaid.isEmpty ? 0 : self.partPaid[row] ?? 0
        return Order(
            id: record.id, buyer: BuyerID(unchecked: self.texts[record.buyer]), lot: terms.lot,
            quantity: Int(record.quantity), buyerLimit: Int(terms.buyerLimit), generation: terms.generation,
            state: record.state, stamp: record.stamp, deadline: record.deadline, price: terms.price,
            paid: record.state == .paid ? (terms.price * record.quantity).minor : part,
            reference: self.references.isEmpty ? nil : self.reference(at: row))
    }

    private func reference(at row: Int) -> OrderReference? {
        self.references[row].flatMap { OrderReference(self.texts[$0]) }
    }

    func holds(_ row: Int, buyer: BuyerID, lot: LotID) -> Bool {
        let record = self.record(row)
        return self.terms[Int(record.terms)].lot == lot && self.texts.equal(record.buyer, buyer.rawValue)
    }

    private func record(_ row: Int) -> Record {
        self.pieces[row / Self.recordsPerPiece][row % Self.recordsPerPiece]
    }

    /// Adds the order, or updates state, deadline and what is paid of the one with its id.
    ///
    /// - Returns: The order's row.
    @discardableResult package mutating func set(_ order: Order) -> Int {
        if let row = self.row(of: order.id) {
            self.change(row) { ($0.state, $0.deadline) = (order.state, order.deadline) }
            self.setPart(order.paid, of: row, order.state)
            return row
        }
        let buyer = self.texts.add(order.buyer.rawValue)
        let record = Record(
            id: order.id, stamp: order.stamp, deadline: order.deadline, quantity: order.quantity,
            terms: self.row(of: Terms(order)),
            buyerStart: buyer.start, paymentStart: 0, buyerLength: buyer.length, paymentLength: 0, state: order.state)
        if self.count % Self.recordsPerPiece == 0 {
            self.pieces.append([])
            self.pieces[self.pieces.count - 1].reserveCapacity(Self.recordsPerPiece)
        }
        self.pieces[self.pieces.count - 1].append(record)
        self.index.insert(self.count, hash: Self.hash(order.id)) { row in
            Self.hash(self.pieces[row / Self.recordsPerPiece][row % Self.recordsPerPiece].id)
        }
        if let reference = order.reference { self.references[self.count] = self.texts.add(reference.rawValue) }
        self.setPart(order.paid, of: self.count, order.state)
        self.count += 1
        return self.count - 1
    }

    /// Only a reserved order can be paid in part: the state of any other one says what it has.
    private mutating func setPart(_ paid: Int64, of row: Int, _ state: OrderState) {
        if state == .reserved, paid > 0 {
            self.partPaid[row] = paid
        } else if !self.partPaid.isEmpty {
            self.partPaid[row] = nil
        }
    }

    package mutating func set(_ id: OrderID, paid: Int64) {
        if let row = self.row(of: id) { self.setPart(paid, of: row, self.record(row).state) }
    }

    private mutating func row(of terms: Terms) -> UInt32 {
        if let last = self.terms.last, last == terms { return UInt32(self.terms.count - 1) }
        if let row = self.termsPlaces[terms] { return row }
        let row = UInt32(self.terms.count)
        self.terms.append(terms)
        self.termsPlaces[terms] = row
        return row
    }

    package mutating func set(_ id: OrderID, state: OrderState) {
        guard let row = self.row(of: id) else { return }
        self.change(row) { $0.state = state }
        if state != .reserved { self.setPart(0, of: row, state) }
    }

    package mutating func pay(_ id: OrderID, _ payment: PaymentID) {
        guard let row = self.row(of: id) else { return }
        let text = self.texts.add(payment.rawValue)
        self.change(row) { ($0.state, $0.paymentStart, $0.paymentLength) = (.paid, text.start, text.length) }
        self.setPart(0, of: row, .paid)
    }

    private mutating func change(_ row: Int, _ body: (inout Record) -> Void) {
        body(&self.pieces[row / Self.recordsPerPiece][row % Self.recordsPerPiece])
    }

    /// Order ids are random where tokens are minted, but not in tests: the bits are mixed (the finalizer of
    /// MurmurHash3).
    private static func hash(_ id: OrderID) -> UInt64 { HashIndex.mix(id.high &* 0x9E37_79B9_7F4A_7C15 ^ id.low) }
}

extension OrderTable: Sequence {
    /// In the sequence of their arrival.
    package func makeIterator() -> AnyIterator<Order> {
        var row = 0
        return AnyIterator {
            guard row < self.count else { return nil }
            defer { row += 1 }
            return self.order(at: row)
        }
    }
}

extension OrderTable: Equatable {
    package static func == (left: OrderTable, right: OrderTable) -> Bool {
        left.count == right.count
            && left.allSatisfy { order in
                right[order.id] == order && left.payment(of: order.id) == right.payment(of: order.id)
            }
    }
}
