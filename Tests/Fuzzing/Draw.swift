import TrancheCore

/// Takes values from the front of the input: small ones, so that messages fit each other, and the ends of every range.
struct Draw {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { self.rest = Array(bytes)[...] }

    var isEmpty: Bool { self.rest.isEmpty }

    mutating func byte() -> UInt8 { self.rest.popFirst() ?? 0 }
    mutating func flag() -> Bool { self.byte() & 1 == 1 }

    /// `true` once in a while.
    mutating func rarely() -> Bool { self.byte() >= 240 }

    mutating func below(_ limit: Int) -> Int { Int(self.byte()) % limit }

    mutating func number() -> UInt64 {
        switch self.byte() % 16 {
        case 0: UInt64.max - UInt64(self.byte())
        case 1: UInt64(Int64.max) - 1 + UInt64(self.byte() % 4)
        case 2: 1 << UInt64(self.byte() % 64)
        case 3: (0..<8).reduce(0) { value, _ in value << 8 | UInt64(self.byte()) }
        case 4: UInt64(Limits.counter) - 1 + UInt64(self.byte() % 3)
        case 5: UInt64(Limits.stockPerLot) - 1 + UInt64(self.byte() % 3)
        case 6: Limits.position - 1 + UInt64(self.byte() % 3)
        case 7: UInt64(Limits.generation) - 1 + UInt64(self.byte() % 3)
        case 8: Limits.epoch - 1 + UInt64(self.byte() % 3)
        default: UInt64(self.byte() % 16)
        }
    }

    mutating func integer() -> Int { Int(truncatingIfNeeded: Int64(bitPattern: self.number())) }

    /// Mostly within the limits of a message, so that what comes behind them is reached.
    mutating func count() -> Int { self.rarely() ? self.integer() : Int(self.byte() % 32) }
    mutating func limited(_ limit: Int) -> Int { self.rarely() ? limit - Int(self.byte() % 2) : self.count() }

    mutating func generation() -> Generation {
        Generation(self.rarely() ? UInt32(truncatingIfNeeded: self.number()) : UInt32(1 + self.byte() % 3))
    }
    mutating func incarnation() -> Incarnation {
        Incarnation(self.rarely() ? self.number() : 1 + UInt64(self.byte() % 3))
    }
    mutating func epoch() -> Epoch { Epoch(self.rarely() ? self.number() : 1 + UInt64(self.byte() % 3)) }
    mutating func unit() -> UnitID { UnitID(self.rarely() ? UInt16.max : 1 + UInt16(self.byte() % 3)) }
    mutating func lot() -> LotID { LotID(self.rarely() ? UInt32.max : 1 + UInt32(self.byte() % 2)) }
    mutating func order() -> OrderID { OrderID(high: 1, low: self.rarely() ? .max : UInt64(self.byte() % 16)) }

    mutating func head() -> LedgerHead {
        LedgerHead(
            position: self.rarely() ? self.number() : UInt64(self.byte() % 8),
            digest: ChainDigest(high: 0, low: UInt64(self.byte() % 2)))
    }

    /// Near `now`, or anywhere.
    mutating func instant(_ now: Instant) -> Instant {
        self.rarely()
            ? Instant(microseconds: Int64(bitPattern: self.number()))
            : Instant(microseconds: now.microseconds &+ (Int64(self.byte()) - 128) * 1_000)
    }
    mutating func stamp(_ now: Instant) -> Stamp {
        self.rarely() ? Stamp(rawValue: self.number()) : Stamp(self.instant(now))
    }

    mutating func terms() -> ContestTerms {
        let policy: ContestPolicy =
            switch self.byte() % 4 {
            case 0: .stamp
            case 1: .arrival
            case 2: .rounds(milliseconds: self.rarely() ? Int64(bitPattern: self.number()) : Int64(self.byte()))
            default:
                .bandLottery(microseconds: self.rarely() ? Int64(bitPattern: self.number()) : Int64(self.byte()) * 99)
            }
        return ContestTerms(policy: policy, waitlist: self.count())
    }

    mutating func entrant(_ now: Instant) -> ContestBatch.Entrant {
        ContestBatch.Entrant(
            order: self.order(), unit: self.unit(), generation: self.generation(), quantity: max(1, self.count()),
            place: Place(stamp: self.stamp(now), tie: self.number()), stamp: self.stamp(now),
            uncertainty: Int64(self.count()), isLate: self.flag(), index: self.flag() ? self.count() : nil)
    }
}
