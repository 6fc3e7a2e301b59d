import RedisClient
import TrancheCore

/// The form of a lot's calls and answers in Redis' protocol.
enum LotWire {
    static func prefix(of unit: UnitID) -> String { "tranche:\(unit):" }

    static func key(_ lot: LotID, _ name: String, prefix: String) -> String { "\(prefix)lot:\(lot):\(name)" }

    static func keys(of lot: LotID, prefix: String) -> [String] {
        ["state", "buyers", "queue"].map { self.key(lot, $0, prefix: prefix) } + [prefix + "witness"]
    }

    /// The arguments of ``AdmissionScripts/step``.
    static func encode(_ call: LotCall, into arguments: inout RedisArguments) {
        arguments.append(Int(call.fence))
        arguments.append(Int(call.sequence))
        arguments.append(call.buyerLimit)
        arguments.append(call.credit)
        arguments.append(call.reclaimKeep ?? -1)
        arguments.append(Int(call.committed))
        arguments.append(Int(call.witness.position))
        arguments.append(call.witness.digest.description)
        arguments.append(call.releases.count)
        arguments.append(call.requests.count)
        var records: [UInt8] = []
        records.reserveCapacity(call.requests.count * 56)
        for request in call.requests { AdmissionRecord.encode(request, into: &records) }
        arguments.append(records)
        for order in call.releases {
            arguments.append(order.buyer.rawValue)
            arguments.append(AdmissionRecord.bytes(order.id))
            arguments.append(Int(order.quantity))
        }
    }

    /// - Returns: `nil` for an answer of another shape.
    static func result(_ reply: RedisReply, count: Int) -> LotResult? {
        if let word = reply.text { return word == "SUPERSEDED" ? .superseded : .lost }
        guard let parts = reply.array, parts.count == 5, let sequence = parts[0].integer,
            let available = parts[1].integer, let taken = parts[2].integer, let letters = parts[3].bytes,
            let overs = parts[4].array, letters.count == count, let sequence = UInt64(exactly: sequence),
            sequence <= Limits.position, available.magnitude <= Limits.counter,
            (0...Int64(Limits.counter)).contains(taken)
        else { return nil }
        var held = overs.makeIterator()
        let verdicts = letters.map { letter -> AdmissionVerdict in
            switch letter {
            case UInt8(ascii: "A"): .admitted
            case UInt8(ascii: "K"): .known
            case UInt8(ascii: "L"): .overLimit(held: Int(held.next()?.integer ?? 0))
            default: .short
            }
        }
        return .decided(verdicts: verdicts, sequence: sequence, available: Int(available), taken: Int(taken))
    }
}

/// A request in the queue in Redis: `length(1) order(16) stamp(8) issuedAt(8) quantity(4) buyer`, numbers big-endian.
enum AdmissionRecord {
    /// Bytes between the length and the buyer.
    private static let fixedBytes = Limits.admissionRecordBytes

    static func bytes(_ order: OrderID) -> [UInt8] {
        withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) { Array($0) }
    }

    /// Appends the record, with its length before it.
    static func encode(_ request: BuyRequest, into bytes: inout [UInt8]) {
        bytes.append(UInt8(Self.fixedBytes + request.buyer.rawValue.utf8.count))
        let words = (
            request.order.high.bigEndian, request.order.low.bigEndian, request.stamp.rawValue.bigEndian,
            request.issuedAt.microseconds.bigEndian
        )
        withUnsafeBytes(of: words) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: request.quantity.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: request.buyer.rawValue.utf8)
    }

    /// The records of one queue entry.
    static func decodeAll(_ bytes: [UInt8], lot: LotID) -> [BuyRequest] {
        var requests: [BuyRequest] = []
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            while let length = reader.byte(), length > Self.fixedBytes, let order = reader.order(),
                let stamp = reader.big(UInt64.self), let issuedAt = reader.big(Int64.self),
                let quantity = reader.big(UInt32.self), let name = reader.text(Int(length) - Self.fixedBytes)
            {
                guard let buyer = BuyerID(name), (1...Limits.quantityPerOrder).contains(Int(quantity)) else { continue }
                requests.append(
                    BuyRequest(
                        order: order, buyer: buyer, lot: lot, quantity: Int(quantity),
                        issuedAt: Instant(microseconds: issuedAt), stamp: Stamp(rawValue: stamp), ticket: 0))
            }
        }
        return requests
    }
}
