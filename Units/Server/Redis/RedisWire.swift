import RedisClient
import TrancheCore

/// The form of a unit's steps, primings and surveys in Redis' protocol, and of their answers.
struct RedisWire {
    /// The key of what the unit's Redis knows of the whole unit, its lots included.
    let witness: String
    private static let tailSuffix = ":tail"
    private var buffer: [UInt8] = []

    // The braces are the hash tag of a cluster. One key needs none, but an operator finds the slot by it.
    init(unit: UnitID) { self.witness = "tranche:{\(unit)}:witness" }

    // MARK: what is sent

    /// A call of ``RedisScripts/step``.
    mutating func encode(_ call: JoinedSteps, digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, key: self.witness)
        arguments.add(String(call.owner))
        arguments.add(Int(call.witness.position))
        arguments.add(call.witness.digest.description)
        arguments.add(call.steps.count)
        for step in call.steps { arguments.add(step.lot.description) }
        for step in call.steps { self.add(step.fence, step.sequence, step.before, to: &arguments) }
        for step in call.steps {
            arguments.add(step.lot.description)
            self.add(step.fence, step.sequence + 1, step.after, to: &arguments)
            arguments.add(step.lot.description + Self.tailSuffix)
            self.buffer.removeAll(keepingCapacity: true)
            for admission in step.admitted { self.addRecord(of: admission.request) }
            arguments.add(self.buffer)
        }
    }

    /// A lot's state. Redis compares it as it stands.
    private mutating func add(_ fence: UInt64, _ sequence: UInt64, _ available: Int, to arguments: inout RedisArguments)
    {
        self.buffer.removeAll(keepingCapacity: true)
        self.buffer.append(contentsOf: String(fence).utf8)
        self.buffer.append(UInt8(ascii: " "))
        self.buffer.append(contentsOf: String(sequence).utf8)
        self.buffer.append(UInt8(ascii: " "))
        self.buffer.append(contentsOf: String(available).utf8)
        arguments.add(self.buffer)
    }

    /// An admitted request: `length(1) order(16) stamp(8) quantity(4) buyer`, numbers big-endian.
    private mutating func addRecord(of request: BuyRequest) {
        self.buffer.append(UInt8(Limits.admissionRecordBytes + request.buyer.rawValue.utf8.count))
        let words = (request.order.high.bigEndian, request.order.low.bigEndian, request.stamp.rawValue.bigEndian)
        withUnsafeBytes(of: words) { self.buffer.append(contentsOf: $0) }
        withUnsafeBytes(of: Int32(request.quantity).bigEndian) { self.buffer.append(contentsOf: $0) }
        self.buffer.append(contentsOf: request.buyer.rawValue.utf8)
    }

    /// A call of ``RedisScripts/prime``.
    func encode(_ prime: RedisPrime, digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, key: self.witness)
        arguments.add(prime.lot.description)
        arguments.add(prime.lot.description + Self.tailSuffix)
        arguments.add(Int(prime.fence))
        arguments.add(prime.available)
        arguments.add(String(prime.owner))
        arguments.add(prime.surveyed.map { String($0.owner) } ?? "")
        arguments.add(prime.surveyed.map { String($0.steps) } ?? "")
        arguments.add(String(prime.ledger.rawValue))
        arguments.add(Int(prime.generation.rawValue))
        arguments.add(Int(prime.witness.position))
        arguments.add(prime.witness.digest.description)
    }

    func encodeSurvey(into arguments: inout RedisArguments) {
        arguments.removeAll()
        arguments.add("HGETALL")
        arguments.add(self.witness)
    }

    // MARK: what is answered

    /// - Returns: A result for each of `count` lots; `nil` for an answer of another shape.
    static func results(_ reply: RedisReply, count: Int) -> [RedisResult]? {
        guard let letters = reply.bytes, letters.count == count else { return nil }
        var results: [RedisResult] = []
        results.reserveCapacity(count)
        for letter in letters {
            switch letter {
            case UInt8(ascii: "O"): results.append(.stepped)
            case UInt8(ascii: "L"): results.append(.lost)
            case UInt8(ascii: "S"): results.append(.superseded)
            default: return nil
            }
        }
        return results
    }

    /// - Returns: `nil` for an answer of another shape.
    static func primed(_ reply: RedisReply, run: RedisRun) -> RedisResult? {
        switch reply.text {
        case "OK": .primed(run)
        case "SUPERSEDED": .superseded
        default: nil
        }
    }

    /// - Returns: `nil` for an answer of another shape. A damaged lot counts as absent: its next priming overwrites it.
    static func survey(_ reply: RedisReply, run: RedisRun) -> RedisSurvey? {
        guard let parts = reply.array?.map(\.bytes), parts.count.isMultiple(of: 2) else { return nil }
        var texts: [String: String] = [:]
        var fences: [LotID: UInt64] = [:]
        var tails: [LotID: [UInt8]] = [:]
        for place in stride(from: 0, to: parts.count, by: 2) {
            guard let field = parts[place], let value = parts[place + 1] else { return nil }
            let name = String(decoding: field, as: UTF8.self)
            if let lot = UInt32(name) {
                fences[LotID(lot)] = Self.fence(value)
            } else if name.hasSuffix(Self.tailSuffix), let lot = UInt32(name.dropLast(Self.tailSuffix.count)) {
                tails[LotID(lot)] = value
            } else {
                texts[name] = String(decoding: value, as: UTF8.self)
            }
        }
        let admitted = fences.keys.sorted().flatMap { Self.requests(tails[$0] ?? [], lot: $0) }
        let newestFence = fences.values.max() ?? 0
        let mark = texts["owner"].flatMap { UInt64($0) }.map {
            RedisMark(owner: $0, steps: texts["steps"].flatMap { UInt64($0) } ?? 0)
        }
        guard let ledger = texts["ledger"].flatMap({ UInt64($0) }),
            let position = texts["position"].flatMap({ UInt64($0) }), position <= Limits.position,
            let digest = texts["digest"].flatMap({ Hex.pair($0) })
        else {
            return RedisSurvey(
                ledger: nil, witness: nil, mark: mark, newestFence: newestFence, admitted: admitted, run: run)
        }
        return RedisSurvey(
            ledger: LedgerID(ledger), generation: texts["generation"].flatMap { UInt32($0) }.map { Generation($0) },
            witness: LedgerHead(position: position, digest: ChainDigest(high: digest.0, low: digest.1)), mark: mark,
            newestFence: newestFence, admitted: admitted, run: run)
    }

    /// - Returns: The fence of a lot's state; `nil` if it is damaged. No unit gets near the limit.
    private static func fence(_ state: [UInt8]) -> UInt64? {
        let digits = state.prefix { $0 != UInt8(ascii: " ") }
        guard let fence = UInt64(String(decoding: digits, as: UTF8.self)), fence <= Limits.fence - Limits.fenceRoom
        else { return nil }
        return fence
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
    fileprivate mutating func call(_ digest: String, key: String) {
        self.removeAll()
        self.add("EVALSHA")
        self.add(digest)
        self.add(1)
        self.add(key)
    }
}
