package import TrancheCore

/// Puts a book together from its pieces. Bytes of any content are read without harm.
package struct BookPiecesReader {
    package private(set) var parts = UnitBook.Parts()

    package init() {}

    /// - Returns: `false` if the piece is of no version that is known here, or damaged.
    package mutating func read(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var reader = ByteReader(bytes)
        guard let version = reader.byte(),
            (BookPieces.versionWithoutBranches...BookPieces.version).contains(version),
            let kind = reader.byte().flatMap(BookPieces.Kind.init)
        else { return false }
        while reader.left > 0 { guard self.readItem(kind, version, &reader), !reader.isBroken else { return false } }
        return true
    }

    private mutating func readItem(_ kind: BookPieces.Kind, _ version: UInt8, _ reader: inout ByteReader) -> Bool {
        switch kind {
        case .state:
            guard self.readState(&reader) else { return false }
            return version == BookPieces.versionWithoutBranches || self.readBranches(&reader)
        case .orders: return self.readOrder(&reader)
        case .refused: return self.readRefused(&reader)
        case .refunds:
            return version <= BookPieces.versionWithoutMoney && self.readRefund(&reader)
        case .allocations:
            guard let order = reader.order() else { return false }
            self.parts.allocations.insert(order)
        case .candidates: return self.readCandidate(&reader)
        case .money:
            guard let (order, money) = MoneyForm.read(&reader) else { return false }
            self.parts.money[order] = money
        case .doubts:
            guard let order = reader.order() else { return false }
            self.parts.doubts.insert(order)
        }
        return true
    }

    /// A refund of a version without amounts. Those of one order are in no order there: payments number them.
    private mutating func readRefund(_ reader: inout ByteReader) -> Bool {
        guard let order = reader.order(), let payment = OrderForm.text(&reader).flatMap(PaymentID.init),
            let reason = reader.byte().flatMap(RefundReason.init)
        else { return false }
        var refunds = self.parts.money[order]?.refunds ?? []
        refunds.append(Refund(order: order, payment: payment, reason: reason))
        refunds.sort { ($0.payment.rawValue, $0.reason.rawValue) < ($1.payment.rawValue, $1.reason.rawValue) }
        self.parts.money[order] = OrderMoney(
            refunds: refunds.enumerated().map { index, one in
                Refund(order: order, number: index + 1, payment: one.payment, reason: one.reason)
            })
        return true
    }

    private mutating func readState(_ reader: inout ByteReader) -> Bool {
        guard let incarnation = reader.big(UInt64.self), let generation = OrderForm.generation(&reader),
            let ceiling = reader.big(UInt64.self), let nonce = reader.big(UInt64.self), let hasRedis = reader.byte(),
            let redis = reader.big(UInt64.self), let accounts = reader.varint()
        else { return false }
        self.parts.incarnation = Incarnation(incarnation)
        self.parts.generation = generation
        (self.parts.ceiling, self.parts.nonce) = (Stamp(rawValue: ceiling), nonce)
        self.parts.redis = hasRedis == 1 ? RedisRun(rawValue: redis) : nil
        var left = accounts
        while left > 0 {
            left -= 1
            guard let lot = OrderForm.lot(&reader), let generation = OrderForm.generation(&reader),
                let granted = reader.varint(),
                let allocated = reader.varint(), let returned = reader.varint(), let sold = reader.varint(),
                let cancelled = reader.varint()
            else { return false }
            self.parts.accounts[.init(lot: lot, generation: generation)] = QuotaCounters(
                granted: Int(granted), allocated: Int(allocated), returned: Int(returned), sold: Int(sold),
                cancelled: Int(cancelled))
        }
        return self.readLots(&reader) { $0.lotsEverSoldOut.insert($1) }
            && self.readLots(&reader) { $0.contests[$1] = $0.contests[$1] ?? [] }
            && self.readArchived(&reader)
    }

    private mutating func readLots(
        _ reader: inout ByteReader, _ add: (inout UnitBook.Parts, LotID) -> Void
    ) -> Bool {
        guard var left = reader.varint() else { return false }
        while left > 0 {
            left -= 1
            guard let lot = OrderForm.lot(&reader) else { return false }
            add(&self.parts, lot)
        }
        return true
    }

    private mutating func readArchived(_ reader: inout ByteReader) -> Bool {
        guard var left = reader.varint() else { return false }
        while left > 0 {
            left -= 1
            guard let lot = OrderForm.lot(&reader), let orders = reader.varint(), let high = reader.big(UInt64.self),
                let low = reader.big(UInt64.self)
            else { return false }
            self.parts.archived[lot] = ArchivedLot(
                lot: lot, orders: Int(orders), digest: ChainDigest(high: high, low: low))
        }
        return true
    }

    private mutating func readBranches(_ reader: inout ByteReader) -> Bool {
        guard var left = reader.varint() else { return false }
        while left > 0 {
            left -= 1
            guard let lot = OrderForm.lot(&reader), let home = reader.varint().flatMap({ UInt16(exactly: $0) }),
                let unit = reader.varint().flatMap({ UInt16(exactly: $0) }), let moment = reader.big(UInt64.self)
            else { return false }
            self.parts.branches[lot, default: []].append(
                Branch(
                    home: UnitID(home), unit: UnitID(unit),
                    refusedBefore: Instant(microseconds: Int64(bitPattern: moment))))
        }
        return true
    }

    private mutating func readOrder(_ reader: inout ByteReader) -> Bool {
        guard let read = OrderForm.read(&reader) else { return false }
        self.parts.orders.set(read.order)
        if let payment = read.payment { self.parts.orders.pay(read.order.id, payment) }
        return true
    }

    private mutating func readRefused(_ reader: inout ByteReader) -> Bool {
        guard let order = reader.order(), let kind = reader.byte(), let held = reader.varint(),
            let limit = reader.varint()
        else { return false }
        switch kind {
        case 1: self.parts.refused[order] = .duplicate(held: Int(held), limit: Int(limit))
        case 2: self.parts.refused[order] = .limitReached(held: Int(held), limit: Int(limit))
        default: return false
        }
        return true
    }

    private mutating func readCandidate(_ reader: inout ByteReader) -> Bool {
        guard let lot = OrderForm.lot(&reader), let order = reader.order(), let index = reader.varint(),
            let quantity = reader.varint(), let stamp = reader.big(UInt64.self), let uncertainty = reader.varint()
        else { return false }
        self.parts.contests[lot, default: []].append(
            Candidate(
                index: Int(index), order: order, quantity: Int(quantity), stamp: Stamp(rawValue: stamp),
                uncertainty: uncertainty))
        return true
    }
}
