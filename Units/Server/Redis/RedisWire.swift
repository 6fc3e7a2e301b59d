import RedisClient
import TrancheCore

/// The form of a unit's steps, primings and surveys in Redis' protocol, and of their answers.
struct RedisWire {
    private let prefix: String
    /// The key of what the unit's Redis knows of the whole unit.
    let witness: String
    private let lots: String
    private static let stateSuffix = ":state"
    private var states: [LotID: String] = [:]
    private var records: [UInt8] = []

    init(unit: UnitID) {
        // One script touches a lot and the whole unit. The braces keep all keys of a unit in one slot of a cluster.
        self.prefix = "tranche:{\(unit)}:"
        (self.witness, self.lots) = (self.prefix + "witness", self.prefix + "lots")
    }

    private mutating func state(of lot: LotID) -> String {
        if let key = self.states[lot] { return key }
        let key = "\(self.prefix)lot:\(lot)\(Self.stateSuffix)"
        self.states[lot] = key
        return key
    }

    // MARK: what is sent

    /// A call of ``RedisScripts/step``.
    mutating func encode(_ step: RedisStep, digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, keys: self.state(of: step.lot), self.witness)
        arguments.add(Int(step.fence))
        arguments.add(Int(step.sequence))
        arguments.add(step.before)
        arguments.add(step.after)
        arguments.add(Int(step.witness.position))
        arguments.add(step.witness.digest.description)
        self.records.removeAll(keepingCapacity: true)
        for admission in step.admitted { self.addRecord(of: admission.request) }
        arguments.add(self.records)
        arguments.add(String(step.owner))
    }

    /// An admitted request: `length(1) order(16) stamp(8) quantity(4) buyer`, numbers big-endian.
    private mutating func addRecord(of request: BuyRequest) {
        self.records.append(UInt8(Limits.admissionRecordBytes + request.buyer.rawValue.utf8.count))
        let words = (request.order.high.bigEndian, request.order.low.bigEndian, request.stamp.rawValue.bigEndian)
        withUnsafeBytes(of: words) { self.records.append(contentsOf: $0) }
        withUnsafeBytes(of: Int32(request.quantity).bigEndian) { self.records.append(contentsOf: $0) }
        self.records.append(contentsOf: request.buyer.rawValue.utf8)
    }

    /// A call of ``RedisScripts/prime``.
    mutating func encode(_ prime: RedisPrime, digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, keys: self.state(of: prime.lot), self.witness, self.lots)
        arguments.add(prime.lot.description)
        arguments.add(Int(prime.fence))
        arguments.add(String(prime.owner))
        arguments.add(prime.surveyed.map { String($0.owner) } ?? "")
        arguments.add(prime.surveyed.map { String($0.steps) } ?? "")
        arguments.add(prime.available)
        arguments.add(String(prime.ledger.rawValue))
        arguments.add(Int(prime.generation.rawValue))
        arguments.add(Int(prime.witness.position))
        arguments.add(prime.witness.digest.description)
    }

    /// A call of ``RedisScripts/survey``.
    func encodeSurvey(digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, keys: self.witness, self.lots)
        arguments.add("\(self.prefix)lot:")
        arguments.add(Self.stateSuffix)
    }

    // MARK: what is answered

    /// - Parameter success: What the answer `OK` means.
    /// - Returns: `nil` for an answer of another shape.
    static func result(_ reply: RedisReply, success: RedisResult) -> RedisResult? {
        switch reply.text {
        case "OK": success
        case "LOST": .lost
        case "SUPERSEDED": .superseded
        default: nil
        }
    }

    /// - Returns: `nil` for an answer of another shape. A damaged lot counts as absent: its next priming overwrites it.
    static func survey(_ reply: RedisReply, run: RedisRun) -> RedisSurvey? {
        guard let parts = reply.array, let texts = parts.first?.array?.map(\.text), texts.count == 6 else { return nil }
        var newestFence: UInt64 = 0
        var admitted: [BuyRequest] = []
        for fields in parts.dropFirst().compactMap(\.array) where fields.count == 3 {
            // No unit gets near the limit, so a fence beyond it is damage.
            guard let lot = fields[0].text.flatMap({ UInt32($0) }).map({ LotID($0) }),
                let fence = fields[1].text.flatMap({ UInt64($0) }), fence <= Limits.fence - Limits.fenceRoom
            else { continue }
            newestFence = max(newestFence, fence)
            admitted += self.requests(fields[2].bytes ?? [], lot: lot)
        }
        let mark = texts[4].flatMap { UInt64($0) }.map {
            RedisMark(owner: $0, steps: texts[5].flatMap { UInt64($0) } ?? 0)
        }
        guard let ledger = texts[0].flatMap({ UInt64($0) }), let position = texts[2].flatMap({ UInt64($0) }),
            let digest = texts[3].flatMap({ Hex.pair($0) })
        else {
            return RedisSurvey(
                ledger: nil, witness: nil, mark: mark, newestFence: newestFence, admitted: admitted, run: run)
        }
        return RedisSurvey(
            ledger: LedgerID(ledger), generation: texts[1].flatMap { UInt32($0) }.map { Generation($0) },
            witness: LedgerHead(position: position, digest: ChainDigest(high: digest.0, low: digest.1)), mark: mark,
            newestFence: newestFence, admitted: admitted, run: run)
    }
}

extension RedisWire {
    /// The requests of one step. A damaged record is skipped.
    private static func requests(_ bytes: [UInt8], lot: LotID) -> [BuyRequest] {
        var requests: [BuyRequest] = []
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            while let length = reader.byte(), length > Limits.admissionRecordBytes, let order = reader.order(),
                let stamp = reader.big(UInt64.self), let quantity = reader.big(UInt32.self),
                let name = reader.text(Int(length) - Limits.admissionRecordBytes)
            {
                guard let buyer = BuyerID(name), (1...Limits.quantityPerOrder).contains(Int(quantity)) else { continue }
                let purchase = Purchase(
                    order: order, buyer: buyer, lot: lot, quantity: Int(quantity), issuedAt: .distantPast)
                requests.append(BuyRequest(purchase, stamp: Stamp(rawValue: stamp), ticket: 0))
            }
        }
        return requests
    }
}

extension RedisArguments {
    /// Begins a call of a loaded script.
    fileprivate mutating func call(_ digest: String, keys: String...) {
        self.removeAll()
        self.add("EVALSHA")
        self.add(digest)
        self.add(keys.count)
        for key in keys { self.add(key) }
    }
}
