import RedisClient
package import Threads
package import TrancheCore

/// One unit's lots in its Redis: primes and surveys, over one connection that waits.
///
/// After an error the connection is dropped, and the next call makes a new one. The effect of the broken call is
/// unknown, so the machine primes the lot again under a new fence.
package final class RedisPrimer {
    package let owner = ThreadOwner("the connection that primes Redis")
    package static let timeoutMilliseconds = 1_000
    /// Buyers in one priming command.
    static let buyersPerCommand = 500
    /// Priming commands that are on their way at a time.
    static let commandsUnderway = 8
    /// How long priming may take, in seconds.
    static let fillSeconds = 600

    private let server: RedisServer
    private let prefix: String
    private var connection: RedisConnection?
    private var digests: [String: String] = [:]

    package init(_ server: RedisServer, unit: UnitID) {
        self.server = server
        self.prefix = LotWire.prefix(of: unit)
    }

    package func handle(_ prime: LotPrime) -> LotResult {
        self.attempt { try self.prime(prime) } ?? .unreachable
    }

    /// What Redis holds of an earlier process; `nil` if it does not answer. The ledger's proof is for the caller to add.
    package func survey() -> RedisSurvey? { self.attempt { try self.look() } }

    private func attempt<Value>(_ body: () throws -> Value) -> Value? {
        self.owner.check()
        // Checked once, before the whole priming: one that begins in one Redis must not end in another one.
        if self.server.takeWish() { self.connection = nil }
        // An idle connection may belong to a Redis that is gone. Then the work is repeated once, over a new connection.
        // Priming and the survey can be repeated.
        for isLastTry in [self.connection == nil, true] {
            if let value = try? body() { return value }
            self.connection = nil
            if isLastTry { break }
        }
        return nil
    }

    private func open() throws -> RedisConnection {
        if let connection { return connection }
        let made = try self.server.connect(timeoutMilliseconds: Self.timeoutMilliseconds)
        self.digests = [:]
        self.connection = made
        return made
    }

    private func key(_ lot: LotID, _ name: String) -> String { LotWire.key(lot, name, prefix: self.prefix) }

    /// Runs a script by its digest, and loads it if Redis does not have it.
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
                // Redis did not run a script that it does not have, so it is safe to run it now.
                guard case .refused(let reason) = error, reason.hasPrefix("NOSCRIPT"), !isLastTry else { throw error }
                self.digests[script] = nil
            }
        }
        throw RedisError.refused("NOSCRIPT")
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
        let filled = self.key(prime.lot, "buyers:\(prime.fence)")
        try self.fill(filled, prime.holdings)
        let ended = try self.run(
            AdmissionScripts.primeEnd, keys: [state, self.prefix + "witness", buyers, filled]
        ) { arguments in
            arguments.append(Int(prime.fence))
            arguments.append(prime.available)
            arguments.append(String(prime.ledger.rawValue))
            arguments.append(Int(prime.witness.position))
            arguments.append(prime.witness.digest.description)
        }
        guard ended.text == "OK", let connection else { return .superseded }
        self.server.primed(connection.runID)
        return .primed(RedisRun(connection.runID))
    }

    /// Fills a hash that no script reads yet. It expires if this process ends, so plain commands are enough. While
    /// Redis works on one command the next ones are on their way.
    private func fill(_ key: String, _ holdings: [LotPrime.Holding]) throws {
        guard !holdings.isEmpty else { return }
        let connection = try self.open()
        var underway = 0
        func send(_ arguments: RedisArguments) throws {
            try connection.append(arguments)
            try connection.flush()
            underway += 1
            guard underway >= Self.commandsUnderway else { return }
            _ = try connection.reply()
            underway -= 1
        }
        var (arguments, value) = (RedisArguments(), [UInt8]())
        for start in stride(from: 0, to: holdings.count, by: Self.buyersPerCommand) {
            arguments.removeAll()
            arguments.append("HSET")
            arguments.append(key)
            for holding in holdings[start..<min(start + Self.buyersPerCommand, holdings.count)] {
                arguments.append(holding.buyer.rawValue)
                value.removeAll(keepingCapacity: true)
                value.append(contentsOf: String(holding.quantity).utf8)
                value.append(UInt8(ascii: "|"))
                holding.forEachOrder { order in
                    withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) { value.append(contentsOf: $0) }
                }
                arguments.append(value)
            }
            try send(arguments)
            if start == 0 {
                arguments.removeAll()
                for argument in ["EXPIRE", key, String(Self.fillSeconds)] { arguments.append(argument) }
                try send(arguments)
            }
        }
        for _ in 0..<underway { _ = try connection.reply() }
    }

    private func look() throws -> RedisSurvey {
        let connection = try self.open()
        let lots = (try connection.send("SMEMBERS", self.prefix + "lots").array ?? []).compactMap {
            $0.text.flatMap { UInt32($0) }
        }.sorted()
        var newestFence: UInt64 = 0
        for lot in lots {
            let fence = try connection.send("HGET", self.key(LotID(lot), "state"), "fence").text.flatMap { UInt64($0) }
            // No unit gets near the limit. A fence beyond it is damaged data, and the next priming deletes it.
            if let fence, fence <= Limits.fence - Limits.fenceRoom { newestFence = max(newestFence, fence) }
        }
        let fields = try connection.send("HMGET", self.prefix + "witness", "ledger", "position", "digest").array ?? []
        let texts = fields.map(\.text)
        guard texts.count == 3, let ledger = texts[0].flatMap({ UInt64($0) }),
            let position = texts[1].flatMap({ UInt64($0) }),
            let digest = texts[2].flatMap({ Hex.pair($0) })
        else {
            return RedisSurvey(
                ledger: nil, witness: nil, proof: nil, admitted: [], newestFence: newestFence,
                run: RedisRun(connection.runID))
        }
        var admitted: [BuyRequest] = []
        for lot in lots {
            for entry in try connection.send("XRANGE", self.key(LotID(lot), "queue"), "-", "+").array ?? [] {
                guard let bytes = entry.array?.last?.array?.last?.bytes else { continue }
                admitted += AdmissionRecord.decodeAll(bytes, lot: LotID(lot))
            }
        }
        let head = LedgerHead(position: position, digest: ChainDigest(high: digest.0, low: digest.1))
        return RedisSurvey(
            ledger: LedgerID(ledger), witness: head, proof: nil, admitted: admitted, newestFence: newestFence,
            run: RedisRun(connection.runID))
    }
}
