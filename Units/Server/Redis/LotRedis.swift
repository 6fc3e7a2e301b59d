package import RedisClient
package import TrancheCore

/// One unit's lots in its Redis: carries out calls, primes and surveys over one connection.
///
/// Used by one thread. After an error the connection is dropped, and the next call makes a new one: what a broken call
/// did is unknown, and the machine above primes the lot again under a new fence.
package final class LotRedis {
    package static let timeoutMilliseconds = 1_000
    /// Buyers in one priming command.
    static let buyersPerCommand = 500

    private let address: RedisConnection.Address
    private let prefix: String
    private var connection: RedisConnection?
    private var digests: [String: String] = [:]

    package init(_ address: RedisConnection.Address, unit: UnitID) {
        self.address = address
        self.prefix = LotWire.prefix(of: unit)
    }

    package func handle(_ call: LotCall) -> LotResult {
        self.attempt { try self.step(call) } ?? .unreachable
    }

    package func handle(_ prime: LotPrime) -> LotResult {
        self.attempt { try self.prime(prime) } ?? .unreachable
    }

    /// What Redis holds of an earlier life; `nil` if it does not answer. The ledger's proof is for the caller to add.
    package func survey() -> RedisSurvey? { self.attempt { try self.look() } }

    private func attempt<Value>(_ body: () throws -> Value) -> Value? {
        do { return try body() } catch {
            self.connection = nil
            return nil
        }
    }

    private func open() throws -> RedisConnection {
        if let connection { return connection }
        let made = try RedisConnection(self.address, timeoutMilliseconds: Self.timeoutMilliseconds)
        self.digests = [:]
        self.connection = made
        return made
    }

    private func key(_ lot: LotID, _ name: String) -> String { LotWire.key(lot, name, prefix: self.prefix) }

    /// Runs a script by its digest, and loads it where Redis does not know it yet.
    private func run(_ script: String, keys: [String], _ fill: (inout RedisArguments) -> Void) throws -> RedisReply {
        let connection = try self.open()
        for isLastTry in [false, true] {
            if self.digests[script] == nil {
                self.digests[script] = try connection.send("SCRIPT", "LOAD", script).text
            }
            var arguments = RedisArguments()
            arguments.append("EVALSHA")
            arguments.append(self.digests[script] ?? "")
            arguments.append(keys.count)
            for key in keys { arguments.append(key) }
            fill(&arguments)
            try connection.append(arguments)
            switch Result(catching: { () throws(RedisError) in try connection.reply() }) {
            case .success(let reply): return reply
            case .failure(let error):
                // A script that Redis does not know was not run, so it is safe to run it now.
                guard case .refused(let reason) = error, reason.hasPrefix("NOSCRIPT"), !isLastTry else { throw error }
                self.digests[script] = nil
            }
        }
        throw RedisError.refused("NOSCRIPT")
    }

    private func step(_ call: LotCall) throws -> LotResult {
        let reply = try self.run(AdmissionScripts.step, keys: LotWire.keys(of: call.lot, prefix: self.prefix)) {
            LotWire.encode(call, into: &$0)
        }
        guard let result = LotWire.result(reply, count: call.requests.count) else {
            throw RedisError.refused("an answer of another shape")
        }
        return result
    }

    private func prime(_ prime: LotPrime) throws -> LotResult {
        let (state, buyers) = (self.key(prime.lot, "state"), self.key(prime.lot, "buyers"))
        let begun = try self.run(
            AdmissionScripts.primeBegin, keys: [state, buyers, self.key(prime.lot, "queue"), self.prefix + "lots"]
        ) { arguments in
            arguments.append(Int(prime.fence))
            arguments.append(prime.lot.description)
        }
        guard begun.text == "OK" else { return .superseded }
        for start in stride(from: 0, to: prime.holdings.count, by: Self.buyersPerCommand) {
            let held = try self.run(AdmissionScripts.primeHold, keys: [state, buyers]) { arguments in
                arguments.append(Int(prime.fence))
                for holding in prime.holdings[start..<min(start + Self.buyersPerCommand, prime.holdings.count)] {
                    arguments.append(holding.buyer.rawValue)
                    arguments.append(Array("\(holding.quantity)|".utf8) + holding.orders.flatMap(AdmissionRecord.bytes))
                }
            }
            guard held.text == "OK" else { return .superseded }
        }
        let ended = try self.run(AdmissionScripts.primeEnd, keys: [state, self.prefix + "witness"]) { arguments in
            arguments.append(Int(prime.fence))
            arguments.append(prime.available)
            arguments.append(String(prime.ledger.rawValue))
            arguments.append(Int(prime.witness.position))
            arguments.append(prime.witness.digest.description)
        }
        return ended.text == "OK" ? .primed : .superseded
    }

    private func look() throws -> RedisSurvey {
        let connection = try self.open()
        let lots = (try connection.send("SMEMBERS", self.prefix + "lots").array ?? []).compactMap {
            $0.text.flatMap { UInt32($0) }
        }.sorted()
        var newestFence: UInt64 = 0
        for lot in lots {
            let fence = try connection.send("HGET", self.key(LotID(lot), "state"), "fence").text.flatMap { UInt64($0) }
            newestFence = max(newestFence, fence ?? 0)
        }
        let fields = try connection.send("HMGET", self.prefix + "witness", "ledger", "position", "digest").array ?? []
        let texts = fields.map(\.text)
        guard texts.count == 3, let ledger = texts[0].flatMap({ UInt64($0) }),
            let position = texts[1].flatMap({ UInt64($0) }),
            let digest = texts[2].flatMap({ Hex.pair($0) })
        else { return RedisSurvey(ledger: nil, witness: nil, proof: nil, admitted: [], newestFence: newestFence) }
        var admitted: [BuyRequest] = []
        for lot in lots {
            for entry in try connection.send("XRANGE", self.key(LotID(lot), "queue"), "-", "+").array ?? [] {
                guard let bytes = entry.array?.last?.array?.last?.bytes else { continue }
                admitted += AdmissionRecord.decodeAll(bytes, lot: LotID(lot))
            }
        }
        let head = LedgerHead(position: position, digest: ChainDigest(high: digest.0, low: digest.1))
        return RedisSurvey(
            ledger: LedgerID(ledger), witness: head, proof: nil, admitted: admitted, newestFence: newestFence)
    }
}
