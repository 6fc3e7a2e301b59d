package import TrancheCore

/// A page of a contest, with the sale's secret: only coordinators may read it until the sale is settled.
package struct ContestPageEnvelope: Hashable, Sendable {
    package let page: ContestPage
    package let tieSecret: String
    package init(page: ContestPage, tieSecret: String) { (self.page, self.tieSecret) = (page, tieSecret) }
}

/// Earlier verdicts for one unit.
package struct VerdictPage: Hashable, Sendable {
    package let lot: LotID
    package let unit: UnitID
    /// The number of the first one.
    package let from: Int
    package let verdicts: [Verdict]
    package init(lot: LotID, unit: UnitID, from: Int, verdicts: [Verdict]) {
        self.lot = lot
        self.unit = unit
        self.from = from
        self.verdicts = verdicts
    }
}

/// The binary format of what a new leader reads from the center, as in ``ContestWire``: a contest in pages, and pages of
/// earlier verdicts.
package enum ContestPageWire {
    /// Bytes of a page; a full one has about half of them.
    package static let bytesLimit = 1 << 20
    static let version: UInt8 = 1

    package static func encode(_ envelope: ContestPageEnvelope) -> [UInt8] {
        var writer = WireWriter(version: Self.version)
        let (page, head) = (envelope.page, envelope.page.head)
        writer.put(envelope.tieSecret)
        writer.put(head.lot.rawValue)
        writer.put(head.epoch.rawValue)
        writer.put(head.batches)
        Self.put(head.terms, to: &writer)
        writer.put(head.frontier.stamp.rawValue)
        writer.put(head.frontier.tie)
        writer.put(UInt64(clamping: head.passedCount))
        writer.put(UInt32(clamping: head.items))
        writer.put(UInt32(clamping: page.first))
        writer.put(UInt32(clamping: page.items.count))
        for item in page.items { Self.put(item, to: &writer) }
        return writer.bytes
    }

    /// - Throws: ``Problem`` with code `invalid_message`.
    package static func page(_ bytes: [UInt8]) throws(Problem) -> ContestPageEnvelope {
        try Problem.check("bytes", count: bytes.count, limit: Self.bytesLimit)
        return try bytes.withUnsafeBufferPointer { bytes throws(Problem) in
            var reader = try WireReader(UnsafeRawBufferPointer(bytes), version: Self.version)
            let secret = try reader.text()
            let page = try Self.page(&reader)
            try reader.end()
            return ContestPageEnvelope(page: page, tieSecret: secret)
        }
    }

    private static func page(_ reader: inout WireReader) throws(Problem) -> ContestPage {
        let lot = LotID(try reader.take(UInt32.self))
        let epoch = Epoch(try reader.take(UInt64.self))
        let batches = try reader.take(UInt64.self)
        let terms = try Self.terms(&reader)
        let frontier = Place(stamp: Stamp(rawValue: try reader.take(UInt64.self)), tie: try reader.take(UInt64.self))
        let passed = try reader.take(UInt64.self)
        try Problem.check("passed requests", passed, in: 0...UInt64(Limits.counter))
        let (items, first) = (Int(try reader.take(UInt32.self)), Int(try reader.take(UInt32.self)))
        let head = ContestPage.Head(
            lot: lot, epoch: epoch, batches: batches, terms: terms, frontier: frontier, passedCount: Int(passed),
            items: items)
        try head.checkLimits()
        var list: [ContestPage.Item] = []
        for _ in 0..<(try reader.count(limit: Limits.itemsPerPage)) { list.append(try Self.item(&reader)) }
        return ContestPage(head: head, first: first, items: list)
    }

    package static func encode(_ page: VerdictPage) -> [UInt8] {
        var writer = WireWriter(version: Self.version)
        writer.put(page.lot.rawValue)
        writer.put(page.unit.rawValue)
        writer.put(UInt32(clamping: page.from))
        writer.put(UInt32(clamping: page.verdicts.count))
        for verdict in page.verdicts { writer.put(verdict) }
        return writer.bytes
    }

    /// - Throws: ``Problem`` with code `invalid_message`.
    package static func verdicts(_ bytes: [UInt8]) throws(Problem) -> VerdictPage {
        try bytes.withUnsafeBufferPointer { bytes throws(Problem) in
            var reader = try WireReader(UnsafeRawBufferPointer(bytes), version: Self.version)
            let (lot, unit) = (LotID(try reader.take(UInt32.self)), UnitID(try reader.take(UInt16.self)))
            let from = Int(try reader.take(UInt32.self))
            var verdicts: [Verdict] = []
            for _ in 0..<(try reader.count(limit: Limits.verdictsPerPage)) {
                verdicts.append(try reader.verdict())
                try Problem.check(verdicts[verdicts.count - 1].generation)
            }
            try reader.end()
            return VerdictPage(lot: lot, unit: unit, from: from, verdicts: verdicts)
        }
    }
}

extension ContestPage.Head: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.epoch)
        try Problem.check("batches", self.batches, in: 0...Limits.batches)
        try self.terms.checkLimits()
    }
}
