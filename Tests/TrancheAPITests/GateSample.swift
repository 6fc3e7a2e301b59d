import TrancheAPI
import TrancheCore

/// Values of the tests of gates.
enum GateSample {
    static let now = Instant(milliseconds: 1_732_600_000_123)
    static let keys = GateKeys(secret: "0123456789abcdef0123456789abcdef")
    static let otherKeys = GateKeys(secret: "fedcba9876543210fedcba9876543210")
    static let buyer = BuyerID("ann")!

    static func session(
        _ buyer: String = "ann", level: Int = 7, isMember: Bool = true,
        created: Instant? = Instant(milliseconds: 1_000),
        region: String? = "eu"
    ) -> Session {
        Session(
            id: 0x0123_4567_89ab_cdef,
            claims: GateClaims(
                buyer: BuyerID(buyer)!, level: level, isMember: isMember, accountCreatedAt: created, region: region),
            addressClass: 3, issuedAt: self.now, expiresAt: self.now.advanced(milliseconds: 60_000))
    }

    static func ticket(_ buyer: String = "ann", lot: UInt32 = 7) -> EntryTicket {
        EntryTicket(
            lot: LotID(lot), buyer: BuyerID(buyer)!, rank: EntryRank(rawValue: 0x8000_0000_0000_0012),
            arrivedAt: self.now)
    }

    static func sale(
        gate: SaleConfig.GateRules? = nil, line: LinePolicy? = nil, contest: SaleConfig.Lot.Contest? = nil
    ) -> SaleConfig.Sale {
        SaleConfig.Sale(
            id: "drop", name: "Drop", startsAtMilliseconds: self.now.milliseconds + 1_000,
            endsAtMilliseconds: self.now.milliseconds + 3_600_000, paymentWindowMilliseconds: 60_000,
            lots: [
                .init(
                    id: LotID(7), name: "seat", stock: 10, perBuyerLimit: 2, poolPermille: 0, contest: contest,
                    line: line)
            ],
            gate: gate)
    }
}

/// The same numbers from the same seed: xorshift64* (Vigna, 2016).
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { self.state = seed | 1 }
    mutating func next() -> UInt64 {
        self.state ^= self.state >> 12
        self.state ^= self.state << 25
        self.state ^= self.state >> 27
        return self.state &* 0x2545_F491_4F6C_DD1D
    }
}
