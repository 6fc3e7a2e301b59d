import Foundation
import TrancheAPI
import TrancheCore

/// What a gate does for each request.
enum GateBench {
    static let keys = GateKeys(secret: Benchmarks.secret)
    static let buyer = BuyerID("buyer-000001")!

    static var all: [Benchmark] {
        [
            self.session(), self.ticket(), self.order(), self.draw(), self.body(), self.solution(), self.challenge(),
            self.status(),
        ]
    }

    private static func session() -> Benchmark {
        let codec = SessionCodec(self.keys)
        let text = Array(
            codec.seal(
                Session(
                    id: 1, claims: GateClaims(buyer: self.buyer), issuedAt: Benchmarks.now, expiresAt: .distantFuture)
            ).utf8)
        return Benchmark(name: "check a session", allocationsLimit: 3, operations: 1) {
            text.withUnsafeBytes { use(try? codec.open($0, now: Benchmarks.now)) }
        }
    }

    private static func ticket() -> Benchmark {
        let codec = EntryTicketCodec(self.keys)
        let ticket = EntryTicket(
            lot: Benchmarks.lot, buyer: self.buyer, rank: EntryRank(draw: 1), arrivedAt: Benchmarks.now)
        let text = Array(codec.seal(ticket).utf8)
        return Benchmark(name: "check an entry ticket", allocationsLimit: 3, operations: 1) {
            text.withUnsafeBytes { use(try? codec.open($0, lot: Benchmarks.lot, buyer: self.buyer)) }
        }
    }

    private static func order() -> Benchmark {
        let orders = OrderDerivation(self.keys)
        return Benchmark(name: "derive an order id", allocationsLimit: 3, operations: 1) {
            use(orders.order(sale: "summer", lot: Benchmarks.lot, buyer: self.buyer, attempt: 1))
        }
    }

    private static func draw() -> Benchmark {
        let seed = DrawSeed(String(repeating: "0", count: 64))!
        return Benchmark(name: "draw a number", allocationsLimit: 3, operations: 1) {
            use(seed.number(lot: Benchmarks.lot, buyer: self.buyer))
        }
    }

    private static let codec = ChallengeCodec(GateBench.keys)
    private static let answer: WorkAnswer = {
        var random = SystemRandomNumberGenerator()
        let challenge = GateBench.codec.make(
            session: 1, lot: Benchmarks.lot, work: ChallengeWork(cost: 1), now: Benchmarks.now, using: &random)
        return ChallengeSolver.solve(challenge)!
    }()

    private static func body() -> Benchmark {
        let ticket = String(repeating: "A", count: 90)
        let bytes = JSON.encode(TokenBody(ticket: ticket, solution: self.answer))
        return Benchmark(name: "read a request for a token", allocationsLimit: 10, operations: 1) {
            bytes.withUnsafeBytes { use(try? TokenBody.read($0)) }
        }
    }

    private static func solution() -> Benchmark {
        let answer = self.answer
        return Benchmark(name: "check a solution", allocationsLimit: 11, operations: 1) {
            use(try? self.codec.check(answer, session: 1, lot: Benchmarks.lot, now: Benchmarks.now))
        }
    }

    private static func challenge() -> Benchmark {
        var random = SystemRandomNumberGenerator()
        return Benchmark(name: "make a challenge, 100 rounds", allocationsLimit: 41, operations: 1) {
            use(
                self.codec.make(
                    session: 1, lot: Benchmarks.lot, work: ChallengeWork(), now: Benchmarks.now, using: &random))
        }
    }

    private static func status() -> Benchmark {
        let lot = StatusDocument.Lot(
            id: Benchmarks.lot, name: "seat", band: .many, policy: .lottery, threshold: .everybody, buyerLimit: 2,
            entered: 1_000, admitted: 500, perMinute: 60, order: "/v1/lots/1/orders")
        let status = StatusDocument(
            sale: "summer", name: "Summer drop", phase: .open, now: Benchmarks.now, opensAt: Benchmarks.now,
            closesAt: Benchmarks.now, delay: 0, draw: .init(hash: "00", seed: nil), lots: [lot, lot],
            units: ["http://localhost:8080"], identity: .dev, challenge: .work)
        var bytes: [UInt8] = []
        return Benchmark(name: "write a status of two lots", allocationsLimit: 0, operations: 1) {
            bytes.removeAll(keepingCapacity: true)
            status.write(into: &bytes)
        }
    }
}
