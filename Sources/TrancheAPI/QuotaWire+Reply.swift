package import TrancheCore

// The center's answers to reports.

extension QuotaWire {
    private enum Kind: UInt8 {
        case directives, registerFirst, superseded, centerIsBehind
    }

    package static func encode(_ reply: ReportReply) -> [UInt8] {
        switch reply {
        case .directives(let directives): Self.encode(directives)
        case .registerFirst: [Self.version, Kind.registerFirst.rawValue]
        case .superseded: [Self.version, Kind.superseded.rawValue]
        case .centerIsBehind: [Self.version, Kind.centerIsBehind.rawValue]
        }
    }

    private static func encode(_ directives: QuotaDirectives) -> [UInt8] {
        var writer = WireWriter(version: Self.version, capacity: 256 + 12 * directives.lots.count)
        writer.put(Kind.directives.rawValue)
        writer.put(directives.epoch.rawValue)
        writer.put(directives.unit.rawValue)
        writer.put(directives.generation.rawValue)
        writer.put(directives.witness) { $0.put($1) }
        writer.put(directives.coordinator) {
            $0.put($1.epoch.rawValue)
            $0.put(long: $1.url)
        }
        writer.put(UInt32(clamping: directives.lots.count))
        for lot in directives.lots {
            writer.put(variable: Int(lot.lot.rawValue))
            writer.put(variable: lot.granted)
            writer.put(variable: lot.elsewhere)
            writer.put(lot.hint) {
                $0.put($1.number)
                $0.put(variable: $1.keep)
            }
            writer.put(lot.contest) { $0.put(variable: $1) }
            writer.put(UInt32(clamping: lot.branches?.count ?? 0))
            for branch in lot.branches ?? [] {
                writer.put(branch.home.rawValue)
                writer.put(branch.unit.rawValue)
                writer.put(branch.generation.rawValue)
            }
        }
        return writer.bytes
    }

    /// - Throws: ``Problem`` with code `invalid_message`.
    package static func reply(_ bytes: [UInt8]) throws(Problem) -> ReportReply {
        try bytes.withUnsafeBufferPointer { bytes throws(Problem) in
            var reader = try WireReader(UnsafeRawBufferPointer(bytes), version: Self.version)
            let number = try reader.take(UInt8.self)
            guard let kind = Kind(rawValue: number) else {
                throw WireReader.invalid("the kind of the answer is \(number), not in 0...3")
            }
            let reply: ReportReply
            switch kind {
            case .directives: reply = .directives(try Self.directives(&reader))
            case .registerFirst: reply = .registerFirst
            case .superseded: reply = .superseded
            case .centerIsBehind: reply = .centerIsBehind
            }
            try reader.end()
            try reply.checkLimits()
            return reply
        }
    }

    private static func directives(_ reader: inout WireReader) throws(Problem) -> QuotaDirectives {
        let epoch = Epoch(try reader.take(UInt64.self))
        let unit = UnitID(try reader.take(UInt16.self))
        let generation = Generation(try reader.take(UInt32.self))
        let witness = try reader.optional { reader throws(Problem) in try reader.head() }
        let coordinator = try reader.optional { reader throws(Problem) in
            CoordinatorAddress(
                epoch: Epoch(try reader.take(UInt64.self)), url: try reader.longText(limit: Limits.urlBytes))
        }
        var lots: [QuotaDirectives.Lot] = []
        for _ in 0..<(try reader.count(limit: Limits.lotsPerMessage)) { lots.append(try Self.directive(&reader)) }
        return QuotaDirectives(
            epoch: epoch, unit: unit, generation: generation, lots: lots, coordinator: coordinator, witness: witness)
    }

    private static func directive(_ reader: inout WireReader) throws(Problem) -> QuotaDirectives.Lot {
        let lot = try reader.lot()
        let (granted, elsewhere) = (try reader.variable(), try reader.variable())
        let hint = try reader.optional { reader throws(Problem) in
            ReclaimHint(number: try reader.take(UInt64.self), keep: try reader.variable())
        }
        let contest = try reader.optional { reader throws(Problem) in try reader.variable() }
        var branches: [BranchRecord] = []
        for _ in 0..<(try reader.count(limit: Limits.branches)) {
            branches.append(
                BranchRecord(
                    home: UnitID(try reader.take(UInt16.self)), unit: UnitID(try reader.take(UInt16.self)),
                    generation: Generation(try reader.take(UInt32.self))))
        }
        return QuotaDirectives.Lot(
            lot: lot, granted: granted, hint: hint, elsewhere: elsewhere, contest: contest,
            branches: branches.isEmpty ? nil : branches)
    }
}
