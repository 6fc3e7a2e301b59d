import TrancheCore

/// The binary format of units' reports to the center, and of its answers. The first byte is the version of the format.
///
/// A unit reports five times a second, about each of its lots. Reports about 1,000 lots as JSON took a large part of a
/// processor at both ends. The numbers of a lot have as many bytes as they need, so an idle lot has about 20.
package enum QuotaWire {
    package static let contentType = ContestWire.contentType
    /// Of the center's answers, which units of earlier versions read.
    static let version: UInt8 = 1
    /// Of reports. A center of an earlier version refuses the second one, and its units then send JSON.
    static let reportVersions: ClosedRange<UInt8> = 1...2

    package static func encode(_ envelope: ReportEnvelope) -> [UInt8] {
        let report = envelope.report
        var writer = WireWriter(version: Self.reportVersions.upperBound, capacity: 384 + 24 * report.lots.count)
        writer.put(report.unit.rawValue)
        writer.put(report.ledger.rawValue)
        writer.put(report.incarnation.rawValue)
        writer.put(report.generation.rawValue)
        writer.put(report.session)
        writer.put(report.head)
        writer.put(report.nonce)
        writer.put(report.proves)
        writer.put(report.proof) { $0.put($1) }
        writer.put(UInt32(clamping: report.lots.count))
        for lot in report.lots { Self.put(lot, &writer) }
        writer.put(UInt32(clamping: report.earlier.count))
        for one in report.earlier {
            writer.put(one.lot.rawValue)
            writer.put(one.generation.rawValue)
            writer.put(variable: one.live)
        }
        writer.put(variable: envelope.configVersion)
        Self.put(envelope.clock, &writer)
        writer.put(envelope.load) {
            for number in [$1.capacityPerSecond, $1.waitingMilliseconds, $1.cpuPermille] { $0.put(variable: number) }
        }
        writer.put(envelope.figures) { Self.put($1, &$0) }
        return writer.bytes
    }

    private static func put(_ figures: PurchaseFigures, _ writer: inout WireWriter) {
        let refused = figures.refused.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        writer.put(UInt8(clamping: refused.count))
        for (code, count) in refused.prefix(Int(UInt8.max)) {
            writer.put(code)
            writer.put(variable: count)
        }
        for count in figures.durations { writer.put(variable: count) }
    }

    private static func figures(_ reader: inout WireReader) throws(Problem) -> PurchaseFigures {
        var refused: [String: Int] = [:]
        for _ in 0..<(try reader.take(UInt8.self)) { refused[try reader.text()] = try reader.variable() }
        var durations: [Int] = []
        for _ in 0...PurchaseFigures.bounds.count { durations.append(try reader.variable()) }
        return PurchaseFigures(refused: refused, durations: durations)
    }

    private static func put(_ lot: UnitReport.Lot, _ writer: inout WireWriter) {
        writer.put(variable: Int(lot.lot.rawValue))
        writer.put(variable: lot.counters.granted)
        writer.put(variable: lot.counters.allocated)
        writer.put(variable: lot.counters.returned)
        writer.put(variable: lot.counters.sold)
        writer.put(variable: lot.counters.cancelled)
        writer.put(variable: lot.offered)
        writer.put(variable: lot.starved)
        writer.put(variable: lot.paid)
        writer.put(lot.hintDone)
        writer.put(UInt8(lot.isPrimed ? 1 : 0))
    }

    private static func put(_ clock: ClockDocument, _ writer: inout WireWriter) {
        writer.put(UInt8(ClockCheck.State.allCases.firstIndex(of: clock.state) ?? 0))
        writer.put(variable: Int(clock.uncertaintyMicroseconds))
        writer.put(clock.offsetMicroseconds) { $0.put(variable: Int($1)) }
        writer.put(clock.delayMicroseconds) { $0.put(variable: Int($1)) }
        writer.put(variable: clock.steps)
        writer.put(variable: clock.refusedFences)
    }

    /// - Throws: ``Problem`` with code `invalid_message`.
    package static func report(_ bytes: [UInt8]) throws(Problem) -> ReportEnvelope {
        try bytes.withUnsafeBufferPointer { bytes throws(Problem) in
            var reader = try WireReader(UnsafeRawBufferPointer(bytes), versions: Self.reportVersions)
            let envelope = try Self.envelope(&reader)
            try reader.end()
            try envelope.checkLimits()
            return envelope
        }
    }

    private static func envelope(_ reader: inout WireReader) throws(Problem) -> ReportEnvelope {
        let unit = UnitID(try reader.take(UInt16.self))
        let ledger = LedgerID(try reader.take(UInt64.self))
        let incarnation = Incarnation(try reader.take(UInt64.self))
        let generation = Generation(try reader.take(UInt32.self))
        let (session, head) = (try reader.take(UInt64.self), try reader.head())
        let (nonce, proves) = (try reader.take(UInt64.self), try reader.take(UInt64.self))
        let proof = try reader.optional { reader throws(Problem) in try reader.head() }
        var lots: [UnitReport.Lot] = []
        for _ in 0..<(try reader.count(limit: Limits.lotsPerMessage)) { lots.append(try Self.lot(&reader)) }
        var earlier: [UnitReport.Earlier] = []
        for _ in 0..<(try reader.count(limit: Limits.earlierAccounts)) {
            earlier.append(
                UnitReport.Earlier(
                    lot: LotID(try reader.take(UInt32.self)), generation: Generation(try reader.take(UInt32.self)),
                    live: try reader.variable()))
        }
        let report = UnitReport(
            unit: unit, ledger: ledger, incarnation: incarnation, generation: generation, session: session, head: head,
            nonce: nonce, lots: lots, proves: proves, proof: proof, earlier: earlier)
        let (configVersion, clock) = (try reader.variable(), try Self.clock(&reader))
        let load = try reader.optional { reader throws(Problem) in
            LoadFigures(
                capacityPerSecond: try reader.variable(), waitingMilliseconds: try reader.variable(),
                cpuPermille: try reader.variable())
        }
        let figures =
            reader.version < 2 ? nil : try reader.optional { reader throws(Problem) in try Self.figures(&reader) }
        return ReportEnvelope(
            report: report, configVersion: configVersion, clock: clock, load: load, figures: figures)
    }

    private static func lot(_ reader: inout WireReader) throws(Problem) -> UnitReport.Lot {
        let lot = try reader.lot()
        let counters = QuotaCounters(
            granted: try reader.variable(), allocated: try reader.variable(), returned: try reader.variable(),
            sold: try reader.variable(), cancelled: try reader.variable())
        let (offered, starved, paid) = (try reader.variable(), try reader.variable(), try reader.variable())
        return UnitReport.Lot(
            lot: lot, counters: counters, offered: offered, starved: starved, hintDone: try reader.take(UInt64.self),
            isPrimed: try reader.flag(), paid: paid)
    }

    private static func clock(_ reader: inout WireReader) throws(Problem) -> ClockDocument {
        let (number, states) = (Int(try reader.take(UInt8.self)), ClockCheck.State.allCases)
        guard states.indices.contains(number) else {
            throw WireReader.invalid("the clock's state is \(number), not in 0...\(states.count - 1)")
        }
        let uncertainty = try reader.variable()
        return ClockDocument(
            state: states[number], uncertaintyMicroseconds: Int64(uncertainty),
            offsetMicroseconds: try reader.optional { reader throws(Problem) in Int64(try reader.variable()) },
            delayMicroseconds: try reader.optional { reader throws(Problem) in Int64(try reader.variable()) },
            steps: try reader.variable(), refusedFences: try reader.variable())
    }
}
