import Testing
import TrancheCore

@Suite("Limits of many callers") struct LocalRatesTests {
    let start = Instant(milliseconds: 1_700_000_000_000)
    let limit: RateLimit

    init() throws { self.limit = try #require(RateLimit(perMinute: 60, burst: 5)) }

    /// Uses the burst of a caller up.
    private func exhaust(_ rates: inout LocalRates, _ key: UInt64, now: Instant) {
        while rates.admit(key, self.limit, now: now).isAdmitted {}
    }

    @Test("each caller has a limit of its own") func callersAreIndependent() {
        var rates = LocalRates(capacity: 10)
        self.exhaust(&rates, 1, now: self.start)
        #expect(rates.admit(2, self.limit, now: self.start) == .admitted)
        #expect(!rates.admit(1, self.limit, now: self.start).isAdmitted)
    }

    @Test(
        "a table that never lacked room decides as if it remembered every caller",
        arguments: [UInt64(1), 2, 3, 4, 5])
    func sameAsUnbounded(seed: UInt64) {
        var draw = SeededDraw(seed)
        var rates = LocalRates(capacity: 64)
        var states: [UInt64: Instant] = [:]
        var now = self.start
        for _ in 0..<50_000 {
            // About 30 callers are active at a time, and others take their place.
            let key = UInt64(now.milliseconds / 20_000) &* 7 &+ UInt64(draw.below(30))
            now = now.advanced(milliseconds: draw.below(Int64(50)))
            let expected = self.limit.admit(&states[key, default: .distantPast], now: now)
            #expect(rates.admit(key, self.limit, now: now) == expected)
        }
        #expect(rates.unremembered == 0 && rates.count == 64 && states.count > 200)
    }

    @Test("a full table refuses nobody for being full") func fullTableAdmits() {
        var rates = LocalRates(capacity: 100)
        for key in UInt64(0)..<100 { self.exhaust(&rates, key, now: self.start) }
        for key in UInt64(100)..<10_000 { #expect(rates.admit(key, self.limit, now: self.start) == .admitted) }
        #expect(rates.count == 100 && rates.unremembered == 9_900)
    }

    @Test("a flood of new callers frees nobody of a limit") func floodFreesNobody() {
        var rates = LocalRates(capacity: 100)
        for key in UInt64(0)..<100 { self.exhaust(&rates, key, now: self.start) }
        for key in UInt64(100)..<10_000 { _ = rates.admit(key, self.limit, now: self.start) }
        for key in UInt64(0)..<100 { #expect(!rates.admit(key, self.limit, now: self.start).isAdmitted) }
    }

    @Test("a full table forgets the least recently used caller whose state has passed") func leastRecentlyUsed() {
        var rates = LocalRates(capacity: 3)
        for key in UInt64(1)...3 { _ = rates.admit(key, self.limit, now: self.start) }
        let later = self.start.advanced(milliseconds: 60_000)
        self.exhaust(&rates, 1, now: later)
        self.exhaust(&rates, 3, now: later)
        // Caller 2 was used last of all, but for callers 1 and 3, who were just used again.
        self.exhaust(&rates, 4, now: later)
        #expect(rates.unremembered == 0)
        for key in [UInt64(1), 3, 4] { #expect(!rates.admit(key, self.limit, now: later).isAdmitted, "\(key)") }
    }

    @Test("callers with a long wait do not block a full table") func longWaitsDoNotBlock() throws {
        let slow = try #require(RateLimit(perMinute: 100, burst: 100))
        var rates = LocalRates(capacity: 20)
        for key in UInt64(0)..<15 {
            while rates.admit(key, slow, now: self.start).isAdmitted {}
        }
        for key in UInt64(15)..<20 { _ = rates.admit(key, self.limit, now: self.start) }
        let later = self.start.advanced(milliseconds: 60_000)
        for key in UInt64(100)..<105 { self.exhaust(&rates, key, now: later) }
        for key in UInt64(100)..<102 { self.exhaust(&rates, key, now: later) }
        let limited = (UInt64(100)..<105).filter { !rates.admit($0, self.limit, now: later).isAdmitted }
        #expect(limited.count >= 4, "\(limited)")
    }

    @Test("keys with equal low bits are different callers", arguments: [UInt64(1) << 32, 1 << 56, 64, 1_024])
    func similarKeys(step: UInt64) {
        var rates = LocalRates(capacity: 500)
        for number in UInt64(0)..<500 { self.exhaust(&rates, number &* step, now: self.start) }
        let later = self.start.advanced(milliseconds: 600_000)
        for number in UInt64(500)..<1_000 { self.exhaust(&rates, number &* step, now: later) }
        for number in UInt64(500)..<1_000 {
            let verdict = rates.admit(number &* step, self.limit, now: later)
            if step &* number / step == number { #expect(!verdict.isAdmitted, "\(number)") }
        }
        #expect(rates.count <= 500)
    }

    @Test("a table for one caller works") func oneCaller() {
        var rates = LocalRates(capacity: 1)
        self.exhaust(&rates, 1, now: self.start)
        self.exhaust(&rates, 2, now: self.start.advanced(milliseconds: 60_000))
        #expect(rates.count == 1)
        #expect(!rates.admit(2, self.limit, now: self.start.advanced(milliseconds: 60_000)).isAdmitted)
    }
}

@Suite("Keyed hashes") struct SipHashTests {
    @Test(
        "the hashes are those of the published vectors",
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)])
    func vectors(count: Int, hash: UInt64) {
        let hasher = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        #expect(hasher.hash((0..<count).map { UInt8($0) }) == hash)
    }

    @Test("another key gives another hash") func keyCounts() throws {
        let buyer = try #require(BuyerID("ann"))
        #expect(SipHash(key: (1, 2)).hash(buyer) != SipHash(key: (1, 3)).hash(buyer))
        #expect(SipHash(key: (1, 2)).hash(buyer) == SipHash(key: (1, 2)).hash("ann".utf8))
    }
}
