import Testing
import TrancheAPI
import TrancheCore

@Suite("Reports of units as bytes") struct QuotaWireTests {
    private static let head = LedgerHead(position: 1 << 40, digest: ChainDigest(high: .max, low: 3))

    private static func envelope(
        load: LoadFigures?, proof: LedgerHead?, lots: Int = 2, figures: PurchaseFigures? = nil
    ) -> ReportEnvelope {
        let lots = (1...UInt32(lots)).map { number in
            UnitReport.Lot(
                lot: LotID(number == 1 ? .max : number),
                counters: QuotaCounters(
                    granted: Limits.counter, allocated: 127, returned: 128, sold: 16_384, cancelled: 63),
                offered: 64, starved: 0, hintDone: .max, isPrimed: number == 1, paid: 8_191)
        }
        let report = UnitReport(
            unit: UnitID(7), ledger: LedgerID(.max), incarnation: Incarnation(9), generation: Generation(2),
            session: 1 << 63, head: self.head, nonce: 5, lots: lots, proves: 12, proof: proof,
            earlier: [.init(lot: LotID(4), generation: Generation(1), live: 1_000_000)])
        return ReportEnvelope(
            report: report, configVersion: 300, clock: ClockDocument(ClockCheck(), refusedFences: 2), load: load,
            figures: figures)
    }

    private static let directives = QuotaDirectives(
        epoch: Epoch(8), unit: UnitID(7), generation: Generation(2),
        lots: [
            .init(lot: LotID(1), granted: 60, hint: ReclaimHint(number: .max, keep: 3), elsewhere: 2, contest: 9),
            .init(
                lot: LotID(2), granted: 0, hint: nil, elsewhere: Limits.counter,
                branches: [BranchRecord(home: UnitID(7), unit: UnitID(9), generation: Generation(2))]),
        ], coordinator: CoordinatorAddress(epoch: Epoch(2), url: "http://c:7001"), witness: Self.head)

    @Test("a report is read as it was written, with and without its optional parts") func reportsAreReadBack() throws {
        let load = LoadFigures(capacityPerSecond: 20_000, waitingMilliseconds: 12, cpuPermille: 850)
        for written in [Self.envelope(load: load, proof: Self.head), Self.envelope(load: nil, proof: nil)] {
            let read = try QuotaWire.report(QuotaWire.encode(written))
            #expect(read.report == written.report)
            #expect(read.clock == written.clock)
            #expect(read.load == written.load)
            #expect(read.configVersion == 300)
        }
    }

    @Test("what a unit has answered is read as it was written, and is not in the reports of earlier versions")
    func figuresAreReadBack() throws {
        let figures = PurchaseFigures(
            refused: ["bad_token": 3, "limit_reached": 70_000], durations: [1, 0, 128] + [Int](repeating: 7, count: 12))
        let bytes = QuotaWire.encode(Self.envelope(load: nil, proof: nil, figures: figures))
        #expect(try QuotaWire.report(bytes).figures == figures)
        #expect(try JSON.decode(ReportEnvelope.self, from: JSON.encode(QuotaWire.report(bytes))).figures == figures)
        // The last byte says that there are none; the first form has no such byte.
        let plain = QuotaWire.encode(Self.envelope(load: nil, proof: nil))
        let earlier = [1] + plain.dropFirst().dropLast()
        let read = try QuotaWire.report(earlier)
        #expect(read.figures == nil && read.configVersion == 300)
        #expect(throws: Problem.self) { try QuotaWire.report([3] + plain.dropFirst()) }
    }

    @Test("figures beyond their limits are refused") func figuresHaveLimits() {
        for figures in [
            PurchaseFigures(refused: ["bad_token": Limits.counter + 1]), PurchaseFigures(durations: [-1]),
            PurchaseFigures(
                refused: Dictionary(uniqueKeysWithValues: (0...Limits.refusalCodes).map { ("code_\($0)", 1) })),
        ] {
            let bytes = QuotaWire.encode(Self.envelope(load: nil, proof: nil, figures: figures))
            let problem = #expect(throws: Problem.self) { try QuotaWire.report(bytes) }
            #expect(problem?.code == "invalid_message")
        }
    }

    @Test("every kind of answer is read as it was written") func answersAreReadBack() throws {
        for written: ReportReply in [.directives(Self.directives), .registerFirst, .superseded, .centerIsBehind] {
            #expect(try QuotaWire.reply(QuotaWire.encode(written)) == written)
        }
    }

    @Test("bytes that are cut, too long or changed give an error, never a crash") func damagedBytesGetAnError() {
        let report = QuotaWire.encode(Self.envelope(load: nil, proof: Self.head))
        let reply = QuotaWire.encode(.directives(Self.directives))
        for length in report.indices {
            #expect(throws: Problem.self) { try QuotaWire.report(Array(report.prefix(length))) }
        }
        for length in reply.indices {
            #expect(throws: Problem.self) { try QuotaWire.reply(Array(reply.prefix(length))) }
        }
        #expect(throws: Problem.self) { try QuotaWire.report(report + [0]) }
        #expect(throws: Problem.self) { try QuotaWire.reply(reply + [0]) }
        for (bytes, index) in report.indices.map({ (report, $0) }) + reply.indices.map({ (reply, $0) }) {
            for value in [0, 0x7F, 0x80, 0xFF] as [UInt8] {
                var changed = bytes
                changed[index] = value
                _ = try? QuotaWire.report(changed)
                _ = try? QuotaWire.reply(changed)
            }
        }
    }

    @Test("another version, an unknown kind of answer and a counter beyond its limit are named") func mistakesAreNamed()
    {
        var bytes = QuotaWire.encode(ReportReply.registerFirst)
        bytes[1] = 9
        #expect(throws: Problem.self) { try QuotaWire.reply(bytes) }
        bytes[0] = 7
        let version = #expect(throws: Problem.self) { try QuotaWire.reply(bytes) }
        #expect(version?.code == "invalid_message")
        #expect(version?.detail.contains("version is 7") == true)
        let beyond = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: LotID(1), granted: Limits.counter + 1, hint: nil, elsewhere: 0)])
        let limit = #expect(throws: Problem.self) { try QuotaWire.reply(QuotaWire.encode(.directives(beyond))) }
        #expect(limit?.detail.contains("granted \(Limits.counter + 1)") == true)
    }

    @Test("an idle lot takes at most 24 bytes of a report, and 12 of an answer") func idleLotsAreSmall() {
        func report(_ lots: Int) -> Int {
            let lots = (1...UInt32(lots)).map {
                UnitReport.Lot(
                    lot: LotID($0), counters: QuotaCounters(granted: 1_000), offered: 0, starved: 0, hintDone: 0,
                    isPrimed: true, paid: 0)
            }
            let report = UnitReport(
                unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1),
                session: 1, head: Self.head, nonce: 1, lots: lots)
            return QuotaWire.encode(
                ReportEnvelope(report: report, configVersion: 1, clock: ClockDocument(ClockCheck(), refusedFences: 0))
            ).count
        }
        #expect((report(1_001) - report(1)) / 1_000 <= 24)
        func reply(_ lots: Int) -> Int {
            let lots = (1...UInt32(lots)).map {
                QuotaDirectives.Lot(lot: LotID($0), granted: 1_000, hint: nil, elsewhere: 100)
            }
            return QuotaWire.encode(
                .directives(QuotaDirectives(epoch: Epoch(1), unit: UnitID(1), generation: Generation(1), lots: lots))
            ).count
        }
        #expect((reply(1_001) - reply(1)) / 1_000 <= 12)
    }
}
