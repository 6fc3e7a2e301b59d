import Testing
import TrancheCore

@Suite("Pages of a contest") struct ContestPageTests {
    typealias Draw = ContestRivalsTests.Draw
    static let lot = LotID(1)
    static let epoch = Epoch(3)

    /// Batches of three units whose candidates pass almost in sequence.
    static func book(seed: UInt64, batches: Int = 12, waitlist: Int = 40) -> (book: ContestBook, sent: [Candidate]) {
        var draw = Draw(state: seed)
        var book = ContestBook(terms: .init(policy: .rounds(milliseconds: 50), waitlist: waitlist))
        var next = [0, 0, 0]
        var sent: [Candidate] = []
        for number in 1...batches {
            var passed: [ContestBatch.Entrant] = []
            for _ in 0..<draw.below(30) {
                let unit = draw.below(3)
                next[unit] += draw.below(9) == 0 ? 2 : 1  // A gap is a request that was cancelled in time.
                passed.append(self.entrant(unit: UInt16(unit + 1), index: next[unit] - 1))
            }
            passed.shuffle(using: &draw)
            sent += passed.map {
                Candidate(index: $0.index!, order: $0.order, quantity: 1, stamp: $0.stamp, uncertainty: 5)
            }
            let known = (book.line + passed).map(\.order)
            let chosen = known.filter { _ in draw.below(3) == 0 }
            book.apply(
                ContestBatch(
                    number: UInt64(number), at: .distantPast, frontier: passed.map(\.place).max() ?? .zero,
                    passed: passed, allocated: chosen,
                    released: known.filter { $0.low % 3 == 1 && !chosen.contains($0) },
                    waited: []))
        }
        return (book, sent)
    }

    static func entrant(unit: UInt16, index: Int?, generation: UInt32 = 1, order: UInt64? = nil) -> ContestBatch.Entrant
    {
        let stamp = Stamp(rawValue: UInt64((index ?? 0) * 3 + Int(unit)))
        return ContestBatch.Entrant(
            order: OrderID(high: UInt64(unit), low: order ?? UInt64(index ?? 0)), unit: UnitID(unit),
            generation: Generation(generation), quantity: 1, place: Place(stamp: stamp, tie: 1), stamp: stamp,
            uncertainty: 5, isLate: false, index: index)
    }

    static func read(_ book: ContestBook, limit: Int) throws -> ContestBook {
        var reading = ContestReading(Self.lot, for: Self.epoch)
        while reading.finished == nil {
            try reading.take(book.page(Self.lot, for: Self.epoch, from: reading.next, limit: limit))
        }
        return try #require(reading.finished)
    }

    @Test("pages of any size add up to the contest", arguments: [1, 2, 7, 100_000], 1...4 as ClosedRange<UInt64>)
    func pagesAddUp(limit: Int, seed: UInt64) throws {
        var book = Self.book(seed: seed).book
        // A batch of an earlier version, without indexes.
        book.apply(
            ContestBatch(
                number: 13, at: .distantPast, frontier: book.frontier,
                passed: [Self.entrant(unit: 2, index: nil, order: 900), Self.entrant(unit: 2, index: nil, order: 901)],
                allocated: [OrderID(high: 2, low: 901)], released: [], waited: []))
        let read = try Self.read(book, limit: limit)
        #expect(!book.line.isEmpty && read.line == book.line)
        #expect(read.passed == book.passed)
        #expect(read.unnumbered == book.unnumbered && read.unnumbered.count == 2)
        #expect(read.passedCount == book.passedCount && read.batches == 13 && read.frontier == book.frontier)
        #expect(read.verdicts.mapValues(\.count) == book.verdicts.mapValues(\.count))
        #expect(read.terms == book.terms)
    }

    @Test("an empty contest is one empty page") func emptyContestIsOnePage() throws {
        let book = ContestBook(terms: .init(policy: .stamp, waitlist: 3))
        #expect(try Self.read(book, limit: 5) == book)
    }

    @Test("a new leader drops what the log has decided, and no more", arguments: 1...6 as ClosedRange<UInt64>)
    func newLeaderKnowsWhatIsDecided(seed: UInt64) throws {
        let (book, sent) = Self.book(seed: seed)
        let read = try Self.read(book, limit: 5)
        for candidate in sent {
            let queue = ContestBook.Queue(unit: UnitID(UInt16(candidate.order.high)), generation: Generation(1))
            #expect(read.knows(candidate.order, of: queue, index: candidate.index))
            let next = ContestBook.Queue(unit: queue.unit, generation: Generation(2))
            #expect(!read.knows(candidate.order, of: next, index: candidate.index), "another queue")
        }
        let queue = ContestBook.Queue(unit: UnitID(1), generation: Generation(1))
        let highest = sent.filter { $0.order.high == 1 }.map(\.index).max() ?? -1
        let decided = Set(sent.filter { $0.order.high == 1 }.map(\.index))
        for index in 0...(highest + 3) {
            #expect(read.knows(OrderID(high: 1, low: 0), of: queue, index: index) == decided.contains(index))
        }
    }

    @Test("pages that do not fit together are refused") func unfitPagesAreRefused() throws {
        let (book, _) = Self.book(seed: 9)
        func page(_ first: Int, _ limit: Int = 4, epoch: Epoch = Self.epoch, lot: LotID = Self.lot) -> ContestPage {
            book.page(lot, for: epoch, from: first, limit: limit)
        }
        func error(_ pages: ContestPage...) -> ContestPageError? {
            var reading = ContestReading(Self.lot, for: Self.epoch)
            do throws(ContestPageError) { for page in pages { try reading.take(page) } } catch { return error }
            return nil
        }
        var later = book
        later.apply(
            ContestBatch(
                number: 13, at: .distantPast, frontier: .zero, passed: [], allocated: [], released: [], waited: []))
        let items = page(0).head.items
        #expect(error(page(0), page(4)) == nil)
        #expect(error(page(0, epoch: Epoch(2))) == .otherEpoch(Epoch(2), expected: Epoch(3)))
        #expect(error(page(0, lot: LotID(2))) == .otherContest(LotID(2), batches: 12, expected: 12))
        #expect(
            error(page(0), later.page(Self.lot, for: Self.epoch, from: 4))
                == .otherContest(Self.lot, batches: 13, expected: 12))
        #expect(error(page(0), page(5)) == .outOfTurn(5, expected: 4))
        #expect(error(page(4)) == .outOfTurn(4, expected: 0))
        #expect(error(ContestPage(head: page(0).head, first: 0, items: [])) == .outOfTurn(0, expected: 0))
        let twice = ContestPage(head: page(0).head, first: 0, items: [page(0).items[0], page(0).items[0]])
        #expect(error(twice) == .unfitItem(number: 1))
        let all = page(0, items).items
        #expect(
            error(ContestPage(head: page(0).head, first: 0, items: all + [.told(UnitID(9), 1)]))
                == .tooLong(items + 1, limit: items))
        for bad in [IndexSpans.Span(start: 5, end: 5), .init(start: 5, end: .max)] {
            let queue = ContestBook.Queue(unit: UnitID(1), generation: Generation(1))
            #expect(
                error(ContestPage(head: page(0).head, first: 0, items: [.passed(queue, bad)])) == .unfitItem(number: 0))
        }
    }

    @Test("verdicts of before a leader's time are fetched when a unit asks for them") func earlierVerdictsAreFetched()
        throws
    {
        let (book, _) = Self.book(seed: 4, batches: 40)
        let unit = UnitID(1)
        let all = book.verdicts(of: unit, from: 0)
        var merge = ContestMerge(
            lot: Self.lot, book: try Self.read(book, limit: 50), now: .distantPast, tie: { $0.low })
        func reply(_ heard: Int) -> ContestReply.Lot {
            merge.reply(to: unit, generation: Generation(1), heard: heard, now: .distantPast)
        }
        #expect(reply(3).verdicts.isEmpty && reply(3).from == 3)
        #expect(merge.missing(unit, heard: 3) == 3)
        #expect(merge.missing(unit, heard: all.count) == nil, "nothing is missing")
        #expect(merge.missing(UnitID(9), heard: 0) == nil, "no such unit")
        merge.recall(Array(all[3..<20]), of: unit, from: 3)
        #expect(merge.missing(unit, heard: 3) == nil)
        #expect(reply(3).verdicts == Array(all[3..<20]))
        #expect(reply(9).verdicts == Array(all[9..<20]))
        #expect(merge.missing(unit, heard: 20) == 20, "the page ends here")
        #expect(merge.missing(unit, heard: 0) == 0, "the page begins later")
    }

    @Test("a leader's own verdicts follow those that it fetched, without a gap and without a repetition")
    func ownVerdictsFollowFetchedOnes() throws {
        let (book, _) = Self.book(seed: 4, batches: 40)
        let unit = UnitID(1)
        let all = book.verdicts(of: unit, from: 0)
        var merge = ContestMerge(
            lot: Self.lot, book: try Self.read(book, limit: 50), now: .distantPast, tie: { $0.low })
        let now = Instant(milliseconds: 1_700_000_000_000)
        merge.observe(
            .init(batches: book.batches, pool: 0, mayReturn: 0, isClosed: true, members: [unit: Generation(1)]))
        // The sale is closed: the orders in the line are released.
        let decided = merge.decide(now: now)
        let batch = try #require(decided)
        merge.committed(batch.number, pool: 0, coming: 0, mayReturn: 0)
        func reply(_ heard: Int) -> [Verdict] {
            merge.reply(to: unit, generation: Generation(1), heard: heard, now: now).verdicts
        }
        let own = reply(all.count)
        #expect(!own.isEmpty && own.allSatisfy { $0.kind == .released })
        merge.recall(Array(all[3..<20]), of: unit, from: 3)
        #expect(reply(3) == Array(all[3..<20]), "what is between the page and the leader's own comes first")
        merge.recall(Array(all[5...]) + [all[0]], of: unit, from: 5)
        #expect(reply(5) == Array(all[5...]) + own)
    }

    @Test("a leader forgets verdicts that it can fetch again") func leaderForgetsOldVerdicts() {
        var list = VerdictList()
        let total = Limits.verdictsHeld + 3 * VerdictList.verdictsPerPiece + 7
        for number in 0..<total {
            list.append(
                Verdict(order: OrderID(high: 0, low: UInt64(number)), kind: .released, generation: Generation(1)))
        }
        list.keep(Limits.verdictsHeld)
        #expect(list.first == 3 * VerdictList.verdictsPerPiece && list.count == total)
        #expect(list[0..<total].count == total - list.first)
        #expect(list[(total - 1)..<total].first?.order.low == UInt64(total - 1))
    }

    @Test("the list of verdicts that was stored in pieces is the same list") func listsComeBackFromPieces() {
        var list = VerdictList()
        for number in 0..<(VerdictList.verdictsPerPiece + 9) {
            list.append(
                Verdict(
                    order: OrderID(high: 7, low: UInt64(number)),
                    kind: [.allocated, .waitlisted, .released][number % 3],
                    generation: Generation(UInt32(number % 5))))
        }
        #expect(VerdictList(pieces: list.pieces) == list)
        #expect(VerdictList(pieces: Array(list.pieces.reversed())) == nil, "a piece is missing")
        var damaged = list.pieces
        damaged[1][16] = 9
        #expect(VerdictList(pieces: damaged) == nil, "an unknown verdict")
        damaged[1].removeLast()
        #expect(VerdictList(pieces: damaged) == nil, "half a verdict")
    }

    @Test("spans hold the indexes that were put in", arguments: 1...8 as ClosedRange<UInt64>)
    func spansHoldIndexes(seed: UInt64) {
        var (draw, spans, all) = (Draw(state: seed), IndexSpans(), Set<Int>())
        for _ in 0..<500 {
            let index = draw.below(300)
            spans.insert(index)
            all.insert(index)
        }
        for index in -1...301 { #expect(spans.contains(index) == all.contains(index)) }
        let gaps = zip(spans.spans, spans.spans.dropFirst()).allSatisfy { $0.end < $1.start }
        #expect(gaps, "neighbours are one span")
    }
}
