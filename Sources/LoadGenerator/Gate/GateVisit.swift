import DaemonSupport
import Foundation
import Identity
import NIOConcurrencyHelpers
import NIOCore
import TrancheAPI
import TrancheCore

/// One gate as a crowd sees it. Its status is read once for all buyers: the crowd stands for people behind a cache.
final class GateDoor: Sendable {
    static let statusMilliseconds = 250

    let gate: LoadTarget.Gate
    private let sale: String
    private let pool: ConnectionPool
    private let dev: DevIdentity
    private let status = NIOLockedValueBox<(document: StatusDocument?, readAt: Instant)>((nil, .distantPast))
    private let note: @Sendable (String, Int) -> Void

    /// - Parameter note: Called with each call and the status of its answer; 0 for none.
    init(
        _ gate: LoadTarget.Gate, sale: String, pool: ConnectionPool, dev: DevIdentity,
        note: @escaping @Sendable (String, Int) -> Void
    ) {
        (self.gate, self.sale, self.pool, self.dev, self.note) = (gate, sale, pool, dev, note)
    }

    /// The newest status, at most a quarter of a second old.
    func status(until end: ContinuousClock.Instant) async -> StatusDocument? {
        let now = SystemClock.monotonic()
        let (known, isDue) = self.status.withLockedValue { status -> (StatusDocument?, Bool) in
            guard now.milliseconds(since: status.readAt) >= Int64(Self.statusMilliseconds) else {
                return (status.document, false)
            }
            status.readAt = now
            return (status.document, true)
        }
        guard isDue else { return known }
        let path = "/v1/sales/\(self.sale)/status.json"
        guard let response = await self.call("GET", path, nil, nil), response.status == 200,
            let document = try? JSON.decode(StatusDocument.self, from: response.body.utf8)
        else { return known }
        self.status.withLockedValue { $0.document = document }
        return document
    }

    /// Signs in as the shop would have it: a proof of identity, and a session for it.
    func session(of buyer: String, region: String) async -> String? {
        guard let id = BuyerID(buyer),
            let proof = try? self.dev.mint(GateClaims(buyer: id, region: region), now: SystemClock.now()),
            let response = await self.call("POST", "/v1/session", proof, [], from: buyer), response.status == 201
        else { return nil }
        return (try? JSON.decode(SessionDocument.self, from: response.body.utf8))?.session
    }

    /// Every call of a buyer. The generator is a trusted proxy of the gates: each buyer has an address of their own.
    func call(
        _ method: String, _ path: String, _ bearer: String?, _ body: [UInt8]?, from buyer: String? = nil
    ) async -> LoadResponse? {
        var request = ByteBuffer()
        request.writeString("\(method) \(path) HTTP/1.1\r\nHost: tranche\r\n")
        if let buyer { request.writeString("X-Forwarded-For: \(Self.address(of: buyer))\r\n") }
        if let bearer { request.writeString("Authorization: Bearer \(bearer)\r\n") }
        if let body { request.writeString("Content-Length: \(body.count)\r\n") }
        request.writeString("\r\n")
        if let body { request.writeBytes(body) }
        let response = try? await self.pool.send(request)
        self.note("\(method) \(Self.name(of: path))", response?.status ?? 0)
        return response
    }

    /// An address of version 6 in the range for documents (RFC 3849), with a network for each buyer.
    private static func address(of buyer: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in buyer.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = Hex.text(hash)
        return "2001:db8:\(digits.prefix(4)):\(digits.dropFirst(4).prefix(4))::1"
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}

/// A buyer's way through a gate to a token: session, entry, the turn, the challenge.
struct GateVisit {
    enum Outcome {
        case token(TokenDocument)
        /// The gate's last word: sold out, blocked, or another refusal that asking again does not change.
        case refused(String)
        case outOfTime
    }

    let door: GateDoor
    let lot: LotID
    let buyer: String
    let region: String
    private var session: String?
    private var ticket: String?
    private var rank: String?
    private var answer: WorkAnswer?

    init(_ door: GateDoor, lot: LotID, buyer: String, region: String) {
        (self.door, self.lot, self.buyer, self.region) = (door, lot, buyer, region)
    }

    /// - Parameter isAgain: The last token ended without an order.
    mutating func token(isAgain: Bool, until end: ContinuousClock.Instant) async -> Outcome {
        while ContinuousClock.now < end, !Task.isCancelled {
            guard let status = await self.door.status(until: end),
                let lot = status.lots.first(where: { $0.id == self.lot })
            else {
                await Self.pause(200...400)
                continue
            }
            if self.session == nil { self.session = await self.door.session(of: self.buyer, region: self.region) }
            guard self.session != nil else {
                await Self.pause(300...900)
                continue
            }
            if lot.policy.needsEntry, self.ticket == nil {
                if let refusal = await self.enter() { return .refused(refusal) }
                continue
            }
            guard status.phase == .open else {
                if status.phase == .ended { return .refused("ended") }
                await Self.pause(150...350)
                continue
            }
            if lot.band == .gone { return .refused("sold_out") }
            if let rank = self.rank, rank > lot.threshold {
                await Self.pause(200...400)
                continue
            }
            if status.challenge != .none, self.answer == nil { await self.solve() }
            if let outcome = await self.ask(isAgain: isAgain) { return outcome }
        }
        return .outOfTime
    }

    private mutating func enter() async -> String? {
        guard
            let response = await self.door.call(
                "POST", "/v1/lots/\(self.lot)/entry", self.session, [], from: self.buyer)
        else {
            await Self.pause(200...600)
            return nil
        }
        if response.status <= 201, let entry = try? JSON.decode(EntryDocument.self, from: response.body.utf8) {
            (self.ticket, self.rank) = (entry.ticket, entry.rank)
            if let challenge = entry.challenge { self.answer = Self.solution(of: challenge) }
            return nil
        }
        return await self.settle(response)
    }

    private mutating func solve() async {
        guard
            let response = await self.door.call(
                "POST", "/v1/lots/\(self.lot)/challenge", self.session, JSON.encode(ChallengeBody(kind: .work)),
                from: self.buyer),
            response.status == 201,
            let document = try? JSON.decode(ChallengeDocument.self, from: response.body.utf8)
        else { return await Self.pause(300...900) }
        self.answer = Self.solution(of: document.challenge)
        // A person takes this long; a faster answer counts as a program's.
        await Self.pause(1_100...2_000)
    }

    private static func solution(of challenge: Challenge) -> WorkAnswer? {
        ChallengeSolver.solve(challenge)
    }

    private mutating func ask(isAgain: Bool) async -> Outcome? {
        let body = JSON.encode(TokenBody(ticket: self.ticket, solution: self.answer))
        let path = "/v1/lots/\(self.lot)/token" + (isAgain ? "/again" : "")
        guard let response = await self.door.call("POST", path, self.session, body, from: self.buyer) else {
            await Self.pause(200...600)
            return nil
        }
        if response.status == 201, let document = try? JSON.decode(TokenDocument.self, from: response.body.utf8) {
            return .token(document)
        }
        return await self.settle(response).map { .refused($0) }
    }

    /// Waits as long as the answer asks for, or returns the code of a last word.
    private mutating func settle(_ response: LoadResponse) async -> String? {
        let code = (try? JSON.decode(Problem.self, from: response.body.utf8))?.code ?? "\(response.status)"
        switch code {
        case "challenge_required", "challenge_spent", "challenge_failed", "too_fast": self.answer = nil
        case "bad_identity": self.session = nil
        case "not_admitted", "not_started", "rate_limited", "session_limited", "overloaded", "recovering", "paused":
            break
        default: return code
        }
        let seconds = response.retryAfterSeconds ?? 1
        await Self.pause(seconds * 500...seconds * 1_000)
        return nil
    }

    private static func pause(_ milliseconds: ClosedRange<Int>) async {
        try? await Task.sleep(for: .milliseconds(Int.random(in: milliseconds)))
    }
}
