package import TrancheCore

// What gates and the center tell each other, several times a second. Numbers are cumulative and are merged by the
// maximum: a report may be lost, repeated or overtaken.

/// What a gate reports.
package struct GateReport: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        package let drawn: Int
        /// Start, level and count of each span (``ArrivalSpan``).
        package let spans: [[Int64]]
        /// Microseconds since 1970.
        package let completeUntil: Int64
        package let minted: Int
        /// The highest threshold that the gate has published: 16 hexadecimal digits.
        package let threshold: String

        package init(_ lot: LotID, _ entries: ArrivalCounts, minted: Int, threshold: LineThreshold) {
            self.lot = lot
            self.drawn = entries.drawn
            self.spans = entries.spans.map { [$0.start, Int64($0.level), Int64($0.count)] }
            self.completeUntil = entries.completeUntil.microseconds
            self.minted = minted
            self.threshold = threshold.rank.text
        }

        /// - Throws: ``Problem`` `bad_request` for numbers that no gate can have made.
        func report() throws(Problem) -> SaleLines.Report {
            var spans: [ArrivalSpan] = []
            for span in self.spans {
                guard span.count == 3, let level = Int(exactly: span[1]), let count = Int(exactly: span[2]),
                    let one = ArrivalSpan(start: span[0], level: level, count: count)
                else { throw Self.bad(self.lot, "the span \(span.prefix(4))") }
                spans.append(one)
            }
            guard
                let entries = ArrivalCounts(
                    drawn: self.drawn, spans: spans, completeUntil: Instant(microseconds: self.completeUntil)),
                (0...Limits.entries).contains(self.minted)
            else { throw Self.bad(self.lot, "\(self.drawn) draws, \(spans.count) spans, \(self.minted) tokens") }
            guard let rank = EntryRank(text: self.threshold) else {
                throw Self.bad(self.lot, "the threshold \"\(self.threshold.prefix(20))\"")
            }
            return SaleLines.Report(
                lot: self.lot, entries: entries, minted: self.minted, threshold: LineThreshold(rank))
        }

        private static func bad(_ lot: LotID, _ what: String) -> Problem {
            Problem(status: 400, code: "bad_request", detail: "lot \(lot): \(what) is not possible")
        }
    }

    /// The gate's name, and a number that is new with each start: counts begin at 0 then.
    package let gate: String
    package let start: UInt64
    package let region: String
    package let publicURL: String
    /// The version of the configuration that the gate applies.
    package let version: Int
    package let lots: [Lot]
    /// What the process has answered since its start; `nil` from a gate of an earlier version.
    package let figures: PurchaseFigures?

    package init(
        gate: String, start: UInt64, region: String, publicURL: String, version: Int, lots: [Lot],
        figures: PurchaseFigures? = nil
    ) {
        self.figures = figures
        (self.gate, self.start, self.region) = (gate, start, region)
        (self.publicURL, self.version, self.lots) = (publicURL, version, lots)
    }

    package var identity: String { "\(self.gate)/\(Hex.text(self.start))" }

    package func reports() throws(Problem) -> [SaleLines.Report] {
        guard (1...64).contains(self.gate.utf8.count), self.lots.count <= Limits.lots else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "a gate has a name of 1 to 64 bytes, and reports at most \(Limits.lots) lots")
        }
        try self.figures?.checkLimits()
        var reports: [SaleLines.Report] = []
        for lot in self.lots { reports.append(try lot.report()) }
        return reports
    }
}

/// The center's answer to a gate's report.
package struct GateDirectives: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        package let band: StockBand
        /// 16 hexadecimal digits; `nil` for a lot without a line.
        package let threshold: String?
        package let entered: Int
        package let admitted: Int
        package let perMinute: Int

        package init(_ lot: LotID, _ band: StockBand, _ line: LineState?) {
            self.lot = lot
            self.band = band
            self.threshold = line?.threshold.rank.text
            self.entered = line?.entered ?? 0
            self.admitted = line?.admitted ?? 0
            self.perMinute = line?.perMinute ?? 0
        }

        package var line: LineState? {
            self.threshold.flatMap { EntryRank(text: $0) }.map {
                LineState(
                    threshold: LineThreshold($0), entered: self.entered, admitted: self.admitted,
                    perMinute: self.perMinute)
            }
        }
    }
    package let lots: [Lot]
    /// The seed of each sale's draws, by sale. Gates keep it from buyers until the opening.
    package let seeds: [String: String]

    package init(lots: [Lot], seeds: [String: String]) { (self.lots, self.seeds) = (lots, seeds) }
}
