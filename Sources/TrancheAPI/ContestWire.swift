package import TrancheCore

/// The binary format of contest reports and replies: fixed fields, little-endian. The first byte is the version of the
/// format.
///
/// Units and coordinators exchange hundreds of these messages a second; JSON took half of a coordinator's CPU time.
package enum ContestWire {
    package static let contentType = "application/octet-stream"
    static let version: UInt8 = 2

    package static func encode(_ report: ContestReport) -> [UInt8] {
        var writer = WireWriter(version: Self.version)
        writer.put(report.unit.rawValue)
        writer.put(report.generation.rawValue)
        writer.put(report.epoch.rawValue)
        writer.put(UInt8(report.isTrusted ? 1 : 0))
        writer.put(UInt64(bitPattern: report.sentAt.microseconds))
        writer.put(UInt8(report.echo == nil ? 0 : 1))
        writer.put(UInt64(bitPattern: report.echo?.sentAt.microseconds ?? 0))
        writer.put(UInt64(bitPattern: report.echo?.heardAt.microseconds ?? 0))
        writer.put(UInt32(clamping: report.lots.count))
        for lot in report.lots {
            writer.put(lot.lot.rawValue)
            writer.put(UInt32(clamping: lot.base))
            writer.put(UInt32(clamping: lot.end))
            writer.put(lot.watermark.rawValue)
            writer.put(UInt32(clamping: lot.heard))
            writer.put(UInt32(clamping: lot.candidates.count))
            for candidate in lot.candidates {
                writer.put(UInt32(clamping: candidate.index))
                writer.put(candidate.order)
                writer.put(UInt32(clamping: candidate.quantity))
                writer.put(candidate.stamp.rawValue)
                writer.put(UInt64(bitPattern: candidate.uncertainty))
            }
        }
        return writer.bytes
    }

    /// - Throws: ``Problem`` with code `invalid_message`.
    package static func report(_ bytes: [UInt8]) throws(Problem) -> ContestReport {
        try bytes.withUnsafeBufferPointer { bytes throws(Problem) in
            var reader = try WireReader(UnsafeRawBufferPointer(bytes), version: Self.version)
            return try Self.report(&reader)
        }
    }

    private static func report(_ reader: inout WireReader) throws(Problem) -> ContestReport {
        let unit = UnitID(try reader.take(UInt16.self))
        let generation = Generation(try reader.take(UInt32.self))
        let epoch = Epoch(try reader.take(UInt64.self))
        let isTrusted = try reader.take(UInt8.self) != 0
        let sentAt = try reader.instant()
        let hasEcho = try reader.take(UInt8.self) != 0
        let echo = ContestReport.Echo(sentAt: try reader.instant(), heardAt: try reader.instant())
        var lots: [ContestReport.Lot] = []
        for _ in 0..<(try reader.count(limit: Limits.lots)) { lots.append(try Self.reportLot(&reader)) }
        try reader.end()
        let report = ContestReport(
            unit: unit, generation: generation, epoch: epoch, isTrusted: isTrusted, lots: lots, sentAt: sentAt,
            echo: hasEcho ? echo : nil)
        try report.checkLimits()
        return report
    }

    private static func reportLot(_ reader: inout WireReader) throws(Problem) -> ContestReport.Lot {
        let lot = LotID(try reader.take(UInt32.self))
        let (base, end) = (Int(try reader.take(UInt32.self)), Int(try reader.take(UInt32.self)))
        let watermark = Stamp(rawValue: try reader.take(UInt64.self))
        let heard = Int(try reader.take(UInt32.self))
        var candidates: [Candidate] = []
        for _ in 0..<(try reader.count(limit: Limits.candidatesPerReport)) {
            let index = Int(try reader.take(UInt32.self))
            let order = try reader.order()
            let quantity = Int(try reader.take(UInt32.self))
            guard (1...Limits.quantityPerOrder).contains(quantity) else {
                throw WireReader.invalid("quantity \(quantity) is not in 1...\(Limits.quantityPerOrder)")
            }
            candidates.append(
                Candidate(
                    index: index, order: order, quantity: quantity,
                    stamp: Stamp(rawValue: try reader.take(UInt64.self)),
                    uncertainty: Int64(bitPattern: try reader.take(UInt64.self))))
        }
        return ContestReport.Lot(
            lot: lot, base: base, candidates: candidates, end: end, watermark: watermark, heard: heard)
    }

    package static func encode(_ envelope: ContestReplyEnvelope) -> [UInt8] {
        var writer = WireWriter(version: Self.version)
        writer.put(UInt64(bitPattern: envelope.receivedAt.microseconds))
        writer.put(UInt64(bitPattern: envelope.sentAt.microseconds))
        writer.put(envelope.reply.epoch.rawValue)
        writer.put(envelope.reply.generation.rawValue)
        writer.put(UInt32(clamping: envelope.reply.lots.count))
        for lot in envelope.reply.lots {
            writer.put(lot.lot.rawValue)
            writer.put(UInt8(lot.isTaken ? 1 : 0))
            for number in [lot.next, lot.allowance, lot.from, lot.mayReturn] { writer.put(UInt32(clamping: number)) }
            writer.put(lot.fence.rawValue)
            writer.put(UInt32(clamping: lot.verdicts.count))
            for verdict in lot.verdicts { writer.put(verdict) }
            writer.put(UInt8(lot.positions == nil ? 0 : 1))
            writer.put(UInt32(clamping: lot.positions?.count ?? 0))
            for position in lot.positions ?? [] {
                writer.put(position.order)
                writer.put(UInt32(clamping: position.ahead))
            }
        }
        return writer.bytes
    }

    /// - Throws: ``Problem`` with code `invalid_message`.
    package static func reply(_ bytes: [UInt8]) throws(Problem) -> ContestReplyEnvelope {
        try bytes.withUnsafeBufferPointer { bytes throws(Problem) in
            var reader = try WireReader(UnsafeRawBufferPointer(bytes), version: Self.version)
            return try Self.reply(&reader)
        }
    }

    private static func reply(_ reader: inout WireReader) throws(Problem) -> ContestReplyEnvelope {
        let (receivedAt, sentAt) = (try reader.instant(), try reader.instant())
        let epoch = Epoch(try reader.take(UInt64.self))
        let generation = Generation(try reader.take(UInt32.self))
        var lots: [ContestReply.Lot] = []
        for _ in 0..<(try reader.count(limit: Limits.lots)) { lots.append(try Self.replyLot(&reader)) }
        try reader.end()
        let reply = ContestReply(epoch: epoch, generation: generation, lots: lots)
        try reply.checkLimits()
        return ContestReplyEnvelope(reply: reply, receivedAt: receivedAt, sentAt: sentAt)
    }

    private static func replyLot(_ reader: inout WireReader) throws(Problem) -> ContestReply.Lot {
        let lot = LotID(try reader.take(UInt32.self))
        let isTaken = try reader.take(UInt8.self) != 0
        var numbers: [Int] = []
        for _ in 0..<4 { numbers.append(Int(try reader.take(UInt32.self))) }
        let fence = Stamp(rawValue: try reader.take(UInt64.self))
        var verdicts: [Verdict] = []
        for _ in 0..<(try reader.count(limit: Limits.verdictsPerReply)) {
            verdicts.append(try reader.verdict())
        }
        let hasPositions = try reader.take(UInt8.self) != 0
        var positions: [ContestReply.Position] = []
        for _ in 0..<(try reader.count(limit: Limits.waitlist)) {
            positions.append(.init(order: try reader.order(), ahead: Int(try reader.take(UInt32.self))))
        }
        return ContestReply.Lot(
            lot: lot, isTaken: isTaken, next: numbers[0], allowance: numbers[1], from: numbers[2], verdicts: verdicts,
            fence: fence, positions: hasPositions ? positions : nil, mayReturn: numbers[3])
    }
}
