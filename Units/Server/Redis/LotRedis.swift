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
        self.prefix = "tranche:\(unit):"
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

    private func key(_ lot: LotID, _ name: String) -> String { "\(self.prefix)lot:\(lot):\(name)" }

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
        let keys = ["state", "buyers", "queue"].map { self.key(call.lot, $0) } + [self.prefix + "witness"]
        let reply = try self.run(AdmissionScripts.step, keys: keys) { arguments in
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
            for order in call.releases {
                arguments.append(order.buyer.rawValue)
                arguments.append(AdmissionRecord.bytes(order.id))
                arguments.append(Int(order.quantity))
            }
            for request in call.requests {
                arguments.append(Int(request.quantity))
                arguments.append(AdmissionRecord.encode(request))
            }
        }
        return try Self.result(reply, count: call.requests.count)
    }

    private static func result(_ reply: RedisReply, count: Int) throws -> LotResult {
        if let word = reply.text { return word == "SUPERSEDED" ? .superseded : .lost }
        guard let parts = reply.array, parts.count == 5, let sequence = parts[0].integer,
            let available = parts[1].integer,
            let taken = parts[2].integer, let letters = parts[3].bytes, let overs = parts[4].array,
            letters.count == count
        else { throw RedisError.refused("an answer of another shape") }
        var held = overs.makeIterator()
        let verdicts = letters.map { letter -> AdmissionVerdict in
            switch letter {
            case UInt8(ascii: "A"): .admitted
            case UInt8(ascii: "K"): .known
            case UInt8(ascii: "L"): .overLimit(held: Int(held.next()?.integer ?? 0))
            default: .short
            }
        }
        return .decided(verdicts: verdicts, sequence: UInt64(sequence), available: Int(available), taken: Int(taken))
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

/// A request as the queue in Redis keeps it: `order(16) stamp(8) issuedAt(8) quantity(4) buyer`, numbers big-endian.
enum AdmissionRecord {
    static func bytes(_ order: OrderID) -> [UInt8] {
        withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) { Array($0) }
    }

    static func encode(_ request: BuyRequest) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36 + Limits.buyerBytes)
        withUnsafeBytes(of: (request.order.high.bigEndian, request.order.low.bigEndian)) { bytes += $0 }
        withUnsafeBytes(of: (request.stamp.rawValue.bigEndian, request.issuedAt.microseconds.bigEndian)) { bytes += $0 }
        withUnsafeBytes(of: request.quantity.bigEndian) { bytes += $0 }
        bytes += request.buyer.rawValue.utf8
        return bytes
    }

    /// The records of one queue entry: each with its length before it.
    static func decodeAll(_ bytes: [UInt8], lot: LotID) -> [BuyRequest] {
        var requests: [BuyRequest] = []
        var start = 0
        while start < bytes.count {
            let end = start + 1 + Int(bytes[start])
            guard end <= bytes.count, end - start > 37 else { break }
            func word(_ place: Int, _ count: Int) -> UInt64 {
                bytes[(start + 1 + place)..<(start + 1 + place + count)].reduce(0) { $0 << 8 | UInt64($1) }
            }
            if let buyer = BuyerID(String(decoding: bytes[(start + 37)..<end], as: UTF8.self)) {
                requests.append(
                    BuyRequest(
                        order: OrderID(high: word(0, 8), low: word(8, 8)), buyer: buyer, lot: lot,
                        quantity: Int(word(32, 4)),
                        issuedAt: Instant(microseconds: Int64(bitPattern: word(24, 8))),
                        stamp: Stamp(rawValue: word(16, 8)), ticket: 0))
            }
            start = end
        }
        return requests
    }
}
