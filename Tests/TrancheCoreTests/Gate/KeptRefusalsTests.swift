import Testing
import TrancheCore

@Suite("Refusals that a gate keeps for a second") struct KeptRefusalsTests {
    let start = Instant(microseconds: 5_000_000)

    @Test("the same request gets the same refusal for a second, and not longer") func oneSecond() {
        var kept = KeptRefusals<String>(capacity: 8)
        kept.keep("too many", for: 42, now: self.start)
        #expect(kept.answer(to: 42, now: self.start) == "too many")
        #expect(kept.answer(to: 42, now: self.start.advanced(milliseconds: 999)) == "too many")
        #expect(kept.answer(to: 42, now: self.start.advanced(milliseconds: 1_000)) == nil)
    }

    @Test("another request in the same slot gets nothing, and the newer refusal replaces the older one") func slots() {
        var kept = KeptRefusals<String>(capacity: 8)
        kept.keep("first", for: 3, now: self.start)
        #expect(kept.answer(to: 11, now: self.start) == nil)
        kept.keep("second", for: 11, now: self.start)
        #expect(kept.answer(to: 11, now: self.start) == "second")
        #expect(kept.answer(to: 3, now: self.start) == nil)
    }

    @Test("only refusals are kept that depend on the caller and on nothing else") func codes() {
        #expect(
            KeptRefusals<String>.codes == ["rate_limited", "session_limited", "overloaded", "blocked", "not_eligible"])
    }

    @Test("a hash in whole words is the same as byte by byte", arguments: 0...40) func words(count: Int) {
        let hash = SipHash(key: (1, 2))
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        #expect(bytes.withUnsafeBytes { hash.hash($0) } == hash.hash(bytes))
    }

    @Test("the bits of a caller: the lower half stays for an hour, the upper half moves") func draw() {
        let now = Instant(microseconds: 3_600_000_000 * 7)
        let (first, later) = (
            CallerDraw.bits(caller: 9, now: now), CallerDraw.bits(caller: 9, now: now.advanced(milliseconds: 5_000))
        )
        #expect(first & 0xFFFF_FFFF == later & 0xFFFF_FFFF)
        #expect(first >> 32 != later >> 32)
        let nextHour = CallerDraw.bits(caller: 9, now: now.advanced(milliseconds: 3_600_000))
        #expect(nextHour & 0xFFFF_FFFF != first & 0xFFFF_FFFF)
        let halves = (0..<10_000 as Range<UInt64>).filter {
            CallerDraw.bits(caller: $0, now: now) & 0xFFFF_FFFF < 1 << 31
        }
        #expect((4_800...5_200).contains(halves.count), "\(halves.count)")
    }
}
