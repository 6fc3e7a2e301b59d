import Clusters
import DaemonSupport
import Foundation
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore

/// One gate with its Redis, in front of one unit.
final class MeasuredGate: @unchecked Sendable {  // Used by one run at a time.
    /// The kind of calls in a run.
    enum Calls: String, CaseIterable, Codable {
        /// `status.json`, as a page reads it.
        case status
        /// Tokens of new buyers.
        case tokens
        /// Tokens of one buyer who has used up the limit.
        case limited
        /// Tokens of buyers who break a rule of the sale.
        case ineligible
        /// Tokens with a session that no gate made.
        case forgedSession
        /// Tokens with a ticket that no gate made.
        case forgedTicket
        /// Tokens of buyers whose turn has not come.
        case waiting
        /// Tokens without the answer that the sale wants.
        case unanswered
        /// Tokens with an answer that nobody worked for.
        case forgedAnswer

        var wanted: Int {
            switch self {
            case .status: 200
            case .tokens: 201
            case .limited: 429
            case .ineligible, .waiting: 403
            case .forgedSession, .forgedTicket: 401
            case .unanswered, .forgedAnswer: 409
            }
        }

        /// These come before the limits or use them up: one buyer is enough.
        fileprivate var hasOneBuyer: Bool {
            switch self {
            case .limited, .forgedSession: true
            // A second forgery of the same buyer would meet the limit.
            case .status, .tokens, .ineligible, .forgedTicket, .waiting, .unanswered, .forgedAnswer: false
            }
        }

        fileprivate var lot: LotID {
            switch self {
            case .ineligible: MeasuredGate.memberLot
            case .waiting: MeasuredGate.lineLot
            case .unanswered, .forgedAnswer: MeasuredGate.workLot
            case .status, .tokens, .limited, .forgedSession, .forgedTicket: MeasuredGate.openLot
            }
        }
    }

    static let region = "bench"
    fileprivate static let openLot = LotID(1)
    fileprivate static let memberLot = LotID(2)
    fileprivate static let lineLot = LotID(3)
    fileprivate static let workLot = LotID(4)
    private var cluster: LocalCluster?
    private var folder: ClusterFolder?
    private var layout: ClusterLayout?
    private var tapes = 0

    var port: Int { self.layout?.gates.first?.publicPort ?? 0 }

    var processes: [Int32] {
        [.gate(Self.region), .gateRedis(Self.region)].compactMap { self.cluster?.process($0) }
    }

    func start() async throws {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-bench"))
        let layout = try ClusterLayout.random(regions: [Self.region], hasGates: true)
        try folder.save(layout)
        let cluster = LocalCluster(folder: folder, layout: layout)
        (self.folder, self.layout, self.cluster) = (folder, layout, cluster)
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        let client = AdminClient(layout)
        try await client.waitForUnits(1)
        let member = SaleConfig.GateRules.Rule(id: "members", kind: .member)
        try await Self.open(client, "open", MeasuredUnit.lot(Self.openLot, stock: MeasuredUnit.stock), nil)
        try await Self.open(
            client, "members", MeasuredUnit.lot(Self.memberLot, stock: 1_000), SaleConfig.GateRules(rules: [member]))
        // Nobody enters the line, so its threshold stays where it is.
        let line = SaleConfig.Lot(
            id: Self.lineLot, name: "line", stock: 1_000, perBuyerLimit: 1, poolPermille: 0,
            contest: .init(when: .never), line: .firstCome)
        try await Self.open(client, "line", line, nil)
        try await Self.open(
            client, "work", MeasuredUnit.lot(Self.workLot, stock: 1_000), SaleConfig.GateRules(challenge: .work))
        try await Task.sleep(for: .milliseconds(1_000))
    }

    func stop() async {
        await self.cluster?.stop()
        if let folder { try? FileManager.default.removeItem(atPath: folder.path) }
        (self.cluster, self.folder) = (nil, nil)
    }

    private static func open(
        _ client: AdminClient, _ name: String, _ lot: SaleConfig.Lot, _ rules: SaleConfig.GateRules?
    ) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: name, name: name, startsAtMilliseconds: now - 1_000, endsAtMilliseconds: now + 36_000_000,
            paymentWindowMilliseconds: 3_600_000, lots: [lot], gate: rules)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, name)
        _ = try await client.waitUntilReady(name, seconds: 20) { _ in }
        _ = try await client.step(.open, name)
    }

    /// - Parameter count: Requests of the tape; each run has other buyers.
    func tape(_ calls: Calls, count: Int) -> RequestTape {
        self.tapes += 1
        var tape = RequestTape()
        if calls == .status {
            tape.append("GET /v1/sales/open/status.json HTTP/1.1\r\nHost: tranche\r\n\r\n")
            return tape
        }
        let request = self.renewal(calls)
        for number in 0..<(calls.hasOneBuyer ? 1 : count) { tape.append(request(number)) }
        return tape
    }

    /// The requests of the last tape by their numbers, and those behind them, each of another buyer.
    func renewal(_ calls: Calls) -> @Sendable (Int) -> String {
        let (keys, run) = (GateKeys(secret: self.layout?.secret("TRANCHE_GATE_KEY") ?? ""), self.tapes)
        return { number in
            // The generator is a trusted proxy: each buyer has a /64. A tape of 16 million buyers shares none.
            let network = [(run & 0xFF) << 8 | number >> 16 & 0xFF, number & 0xFFFF]
            let address = network.map { String($0, radix: 16) }.joined(separator: ":")
            let (session, body) = Self.claim(calls, BuyerID("b\(run)-\(number)")!, keys)
            return "POST /v1/lots/\(calls.lot)/token HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(session)\r\n"
                + "X-Forwarded-For: 2001:db8:\(address)::1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
    }

    /// The session and the body of one request.
    private static func claim(_ calls: Calls, _ buyer: BuyerID, _ keys: GateKeys) -> (session: String, body: String) {
        let now = SystemClock.now()
        let session = Session(
            id: UInt64.random(in: 1...UInt64.max), claims: GateClaims(buyer: buyer, region: Self.region), issuedAt: now,
            expiresAt: now.advanced(milliseconds: 3_600_000))
        let text = SessionCodec(keys).seal(session)
        var random = SystemRandomNumberGenerator()
        func body(_ body: TokenBody) -> String { String(decoding: JSON.encode(body), as: UTF8.self) }
        switch calls {
        case .forgedSession: return (Forgery.flipped(text, using: &random) ?? "", "")
        case .forgedTicket, .waiting:
            // An hour ahead, so that the turn does not come during the run.
            let turn = now.advanced(milliseconds: 3_600_000)
            let ticket = EntryTicketCodec(keys).seal(
                EntryTicket(lot: calls.lot, buyer: buyer, rank: EntryRank(arrivedAt: turn), arrivedAt: turn))
            let forged = calls == .waiting ? ticket : Forgery.flipped(ticket, using: &random)
            return (text, body(TokenBody(ticket: forged)))
        case .forgedAnswer:
            let challenge = ChallengeCodec(keys).make(
                session: session.id, lot: calls.lot, work: ChallengeWork(), now: now, using: &random)
            return (text, body(TokenBody(solution: Forgery.guessed(challenge))))
        case .status, .tokens, .limited, .ineligible, .unanswered: return (text, "")
        }
    }
}
