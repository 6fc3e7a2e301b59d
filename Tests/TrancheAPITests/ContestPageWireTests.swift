import Testing
import TrancheAPI
import TrancheCore

@Suite("Pages of a contest on the wire") struct ContestPageWireTests {
    static func entrant(_ number: Int, index: Int?) -> ContestBatch.Entrant {
        ContestBatch.Entrant(
            order: OrderID(high: .max, low: UInt64(number)), unit: UnitID(.max), generation: Generation(3),
            quantity: Limits.quantityPerOrder, place: Place(stamp: Stamp(rawValue: .max), tie: .max),
            stamp: Stamp(rawValue: .max), uncertainty: Limits.uncertaintyMicroseconds, isLate: true, index: index)
    }

    static func envelope(
        _ items: [ContestPage.Item], policy: ContestPolicy = .stamp, secret: String = "secret", waitlist: Int = 7
    ) -> ContestPageEnvelope {
        let head = ContestPage.Head(
            lot: LotID(1), epoch: Epoch(9), batches: 4, terms: .init(policy: policy, waitlist: waitlist),
            frontier: Place(stamp: Stamp(rawValue: 5), tie: 6), passedCount: 5_000_000, items: items.count)
        return ContestPageEnvelope(page: ContestPage(head: head, first: 0, items: items), tieSecret: secret)
    }

    static let items: [ContestPage.Item] = [
        .waiting(entrant(1, index: nil)), .waiting(entrant(2, index: Limits.candidateIndex)),
        .passed(.init(unit: UnitID(1), generation: Generation(2)), .init(start: 3, end: 9)),
        .told(UnitID(1), 1_700_000), .unnumbered(OrderID(high: 1, low: 2), Generation(1)),
    ]

    @Test(
        "a page survives encoding and decoding",
        arguments: [
            .stamp, .arrival, .rounds(milliseconds: 50), .bandLottery(microseconds: 2_000),
        ] as [ContestPolicy])
    func pageSurvivesTheWire(policy: ContestPolicy) throws {
        let sent = Self.envelope(Self.items, policy: policy)
        #expect(try ContestPageWire.page(ContestPageWire.encode(sent)) == sent)
    }

    @Test("a page of verdicts survives encoding and decoding") func verdictsSurviveTheWire() throws {
        let sent = VerdictPage(
            lot: LotID(2), unit: UnitID(3), from: 70_000,
            verdicts: [Verdict(order: OrderID(high: 1, low: 2), kind: .waitlisted, generation: Generation(4))])
        #expect(try ContestPageWire.verdicts(ContestPageWire.encode(sent)) == sent)
        let bytes = ContestPageWire.encode(sent)
        for length in 0..<bytes.count {
            #expect(throws: Problem.self) { try ContestPageWire.verdicts(Array(bytes.prefix(length))) }
        }
        #expect(throws: Problem.self) { try ContestPageWire.verdicts(bytes + [0]) }
    }

    @Test("the fullest page stays within its bytes") func fullestPageHasRoom() throws {
        let items = (0..<Limits.itemsPerPage).map { ContestPage.Item.waiting(Self.entrant($0, index: $0)) }
        let bytes = ContestPageWire.encode(Self.envelope(items, secret: String(repeating: "s", count: 255)))
        #expect(bytes.count <= ContestPageWire.bytesLimit)
        #expect(try ContestPageWire.page(bytes).page.items.count == Limits.itemsPerPage)
    }

    @Test("a page that is cut, too long or changed gives an error, never a crash") func damagedPagesGetAnError() {
        let bytes = ContestPageWire.encode(Self.envelope(Self.items))
        for length in 0..<bytes.count {
            #expect(throws: Problem.self) { try ContestPageWire.page(Array(bytes.prefix(length))) }
        }
        #expect(throws: Problem.self) { try ContestPageWire.page(bytes + [0]) }
        for place in bytes.indices {
            for value in [0, 0x7F, 0xFF] as [UInt8] {
                var changed = bytes
                changed[place] = value
                guard let read = try? ContestPageWire.page(changed) else { continue }
                var reading = ContestReading(LotID(1), for: Epoch(9))
                _ = try? reading.take(read.page)
            }
        }
    }

    @Test("a page beyond a limit is refused, with value and limit") func pagesHaveLimits() {
        func refusal(_ envelope: ContestPageEnvelope) -> String? {
            do throws(Problem) { _ = try ContestPageWire.page(ContestPageWire.encode(envelope)) } catch {
                return error.code == "invalid_message" ? error.detail : error.code
            }
            return nil
        }
        let many = (0...Limits.itemsPerPage).map { ContestPage.Item.told(UnitID(UInt16($0)), 1) }
        #expect(refusal(Self.envelope(many))?.contains("8193 elements, at most 8192") == true)
        #expect(refusal(Self.envelope([], waitlist: 10_001))?.contains("waitlist 10001 is not in 0...10000") == true)
        #expect(refusal(Self.envelope([], policy: .rounds(milliseconds: -1)))?.contains("length -1") == true)
        #expect(refusal(Self.envelope([], secret: "s\u{e9}"))?.contains("not ASCII") == true)
        let high = Limits.generation + 1
        for item in [
            .unnumbered(OrderID(high: 1, low: 1), Generation(high)),
            .passed(.init(unit: UnitID(1), generation: Generation(high)), .init(start: 0, end: 1)),
        ] as [ContestPage.Item] {
            #expect(refusal(Self.envelope([item]))?.contains("generation \(high) is not in") == true)
        }
        let long = [UInt8](repeating: 0, count: ContestPageWire.bytesLimit + 1)
        #expect(throws: Problem.self) { try ContestPageWire.page(long) }
    }
}
