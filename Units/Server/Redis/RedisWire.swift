import RedisClient
import TrancheCore

/// The form of a unit's steps, primings and surveys in Redis' protocol, and of their answers.
struct RedisWire {
    private let prefix: String
    private let witness: String
    private let fences: String
    private var states: [LotID: String] = [:]

    init(unit: UnitID) {
        self.prefix = "tranche:\(unit):"
        (self.witness, self.fences) = (self.prefix + "witness", self.prefix + "fences")
    }

    private mutating func state(of lot: LotID) -> String {
        if let key = self.states[lot] { return key }
        let key = "\(self.prefix)lot:\(lot):state"
        self.states[lot] = key
        return key
    }

    // MARK: what is sent

    /// A call of ``RedisScripts/step``.
    mutating func encode(_ step: RedisStep, digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, keys: self.state(of: step.lot), self.witness)
        arguments.append(Int(step.fence))
        arguments.append(Int(step.sequence))
        arguments.append(step.before)
        arguments.append(step.after)
        arguments.append(Int(step.witness.position))
        arguments.append(step.witness.digest.description)
    }

    /// A call of ``RedisScripts/prime``.
    mutating func encode(_ prime: RedisPrime, digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, keys: self.state(of: prime.lot), self.witness, self.fences)
        arguments.append(prime.lot.description)
        arguments.append(Int(prime.fence))
        arguments.append(prime.available)
        arguments.append(String(prime.ledger.rawValue))
        arguments.append(Int(prime.witness.position))
        arguments.append(prime.witness.digest.description)
    }

    /// A call of ``RedisScripts/survey``.
    func encodeSurvey(digest: String, into arguments: inout RedisArguments) {
        arguments.call(digest, keys: self.witness, self.fences)
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

    /// - Returns: `nil` for an answer of another shape. Damaged fields count as absent.
    static func survey(_ reply: RedisReply, run: RedisRun) -> RedisSurvey? {
        guard let parts = reply.array, parts.count == 2, let witness = parts[0].array, witness.count == 3,
            let fences = parts[1].array
        else { return nil }
        // No unit gets near the limit. A fence beyond it is damaged data, and the next priming overwrites it.
        let newest = fences.compactMap { $0.text.flatMap { UInt64($0) } }.filter {
            $0 <= Limits.fence - Limits.fenceRoom
        }.max()
        let texts = witness.map(\.text)
        guard let ledger = texts[0].flatMap({ UInt64($0) }), let position = texts[1].flatMap({ UInt64($0) }),
            let digest = texts[2].flatMap({ Hex.pair($0) })
        else { return RedisSurvey(ledger: nil, witness: nil, newestFence: newest ?? 0, run: run) }
        return RedisSurvey(
            ledger: LedgerID(ledger),
            witness: LedgerHead(position: position, digest: ChainDigest(high: digest.0, low: digest.1)),
            newestFence: newest ?? 0, run: run)
    }
}

extension RedisArguments {
    /// Begins a call of a loaded script.
    fileprivate mutating func call(_ digest: String, keys: String...) {
        self.removeAll()
        self.append("EVALSHA")
        self.append(digest)
        self.append(keys.count)
        for key in keys { self.append(key) }
    }
}
