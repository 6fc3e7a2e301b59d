import TrancheCore

// The items of a page, and the terms of its contest: one byte says the kind.

extension ContestPageWire {
    static func put(_ item: ContestPage.Item, to writer: inout WireWriter) {
        switch item {
        case .waiting(let entrant):
            writer.put(UInt8(0))
            Self.put(entrant, to: &writer)
        case .passed(let queue, let span):
            writer.put(UInt8(1))
            Self.put(queue, to: &writer)
            writer.put(span.start)
            writer.put(span.end)
        case .told(let unit, let count):
            writer.put(UInt8(2))
            writer.put(unit.rawValue)
            writer.put(UInt32(clamping: count))
        case .unnumbered(let order, let generation):
            writer.put(UInt8(3))
            writer.put(order)
            writer.put(generation.rawValue)
        }
    }

    static func item(_ reader: inout WireReader) throws(Problem) -> ContestPage.Item {
        switch try reader.take(UInt8.self) {
        case 0: return .waiting(try Self.entrant(&reader))
        case 1:
            let queue = try Self.queue(&reader)
            return .passed(queue, .init(start: try reader.take(UInt32.self), end: try reader.take(UInt32.self)))
        case 2: return .told(UnitID(try reader.take(UInt16.self)), Int(try reader.take(UInt32.self)))
        case 3:
            let order = try reader.order()
            let generation = Generation(try reader.take(UInt32.self))
            try Problem.check(generation)
            return .unnumbered(order, generation)
        case let kind: throw WireReader.invalid("an item has the unknown kind \(kind)")
        }
    }

    private static func put(_ queue: ContestBook.Queue, to writer: inout WireWriter) {
        writer.put(queue.unit.rawValue)
        writer.put(queue.generation.rawValue)
    }

    private static func queue(_ reader: inout WireReader) throws(Problem) -> ContestBook.Queue {
        let queue = ContestBook.Queue(
            unit: UnitID(try reader.take(UInt16.self)), generation: Generation(try reader.take(UInt32.self)))
        try Problem.check(queue.generation)
        return queue
    }

    private static func put(_ entrant: ContestBatch.Entrant, to writer: inout WireWriter) {
        writer.put(entrant.order)
        Self.put(entrant.queue, to: &writer)
        writer.put(UInt16(clamping: entrant.quantity))
        writer.put(entrant.place.stamp.rawValue)
        writer.put(entrant.place.tie)
        writer.put(entrant.stamp.rawValue)
        writer.put(UInt64(bitPattern: entrant.uncertainty))
        writer.put(UInt8(entrant.isLate ? 1 : 0))
        // One more than the index, and 0 for none.
        writer.put(UInt32(clamping: (entrant.index ?? -1) + 1))
    }

    private static func entrant(_ reader: inout WireReader) throws(Problem) -> ContestBatch.Entrant {
        let order = try reader.order()
        let queue = try Self.queue(&reader)
        let quantity = Int(try reader.take(UInt16.self))
        let place = Place(stamp: Stamp(rawValue: try reader.take(UInt64.self)), tie: try reader.take(UInt64.self))
        let stamp = Stamp(rawValue: try reader.take(UInt64.self))
        let uncertainty = Int64(bitPattern: try reader.take(UInt64.self))
        let isLate = try reader.flag()
        let index = Int(try reader.take(UInt32.self)) - 1
        let entrant = ContestBatch.Entrant(
            order: order, unit: queue.unit, generation: queue.generation, quantity: quantity, place: place,
            stamp: stamp, uncertainty: uncertainty, isLate: isLate, index: index < 0 ? nil : index)
        try entrant.checkLimits()
        return entrant
    }

    static func put(_ terms: ContestTerms, to writer: inout WireWriter) {
        let (kind, length): (UInt8, Int64) =
            switch terms.policy {
            case .stamp: (0, 0)
            case .bandLottery(let microseconds): (1, microseconds)
            case .rounds(let milliseconds): (2, milliseconds)
            case .arrival: (3, 0)
            }
        writer.put(kind)
        writer.put(UInt64(bitPattern: length))
        writer.put(UInt32(clamping: terms.waitlist))
    }

    static func terms(_ reader: inout WireReader) throws(Problem) -> ContestTerms {
        let kind = try reader.take(UInt8.self)
        let length = Int64(bitPattern: try reader.take(UInt64.self))
        let waitlist = Int(try reader.take(UInt32.self))
        let policy: ContestPolicy
        switch (kind, length) {
        case (0, 0): policy = .stamp
        case (1, _): policy = .bandLottery(microseconds: length)
        case (2, _): policy = .rounds(milliseconds: length)
        case (3, 0): policy = .arrival
        default: throw WireReader.invalid("the contest has the unknown policy \(kind) with \(length)")
        }
        return ContestTerms(policy: policy, waitlist: waitlist)
    }
}

extension WireWriter {
    mutating func put(_ verdict: Verdict) {
        self.put(verdict.order)
        self.put(verdict.kind.rawValue)
        self.put(verdict.generation.rawValue)
    }
}

extension WireReader {
    mutating func verdict() throws(Problem) -> Verdict {
        let order = try self.order()
        guard let kind = Verdict.Kind(rawValue: try self.take(UInt8.self)) else {
            throw Self.invalid("it has an unknown verdict")
        }
        return Verdict(order: order, kind: kind, generation: Generation(try self.take(UInt32.self)))
    }
}
