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

        var wanted: Int {
            switch self {
            case .status: 200
            case .tokens: 201
            case .limited: 429
            case .ineligible: 403
            }
        }
    }

    static let region = "bench"
    private static let openLot = LotID(1)
    private static let memberLot = LotID(2)
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
        try await Self.open(client, "open", Self.openLot, nil)
        try await Self.open(client, "members", Self.memberLot, SaleConfig.GateRules(rules: [member]))
        try await Task.sleep(for: .milliseconds(1_000))
    }

    func stop() async {
        await self.cluster?.stop()
        if let folder { try? FileManager.default.removeItem(atPath: folder.path) }
        (self.cluster, self.folder) = (nil, nil)
    }

    private static func open(
        _ client: AdminClient, _ name: String, _ lot: LotID, _ rules: SaleConfig.GateRules?
    ) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: name, name: name, startsAtMilliseconds: now - 1_000, endsAtMilliseconds: now + 36_000_000,
            paymentWindowMilliseconds: 3_600_000, lots: [MeasuredUnit.lot(lot, stock: MeasuredUnit.stock)], gate: rules)
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
        let codec = SessionCodec(GateKeys(secret: self.layout?.secret("TRANCHE_GATE_KEY") ?? ""))
        let now = SystemClock.now()
        let lot = calls == .ineligible ? Self.memberLot : Self.openLot
        for number in 0..<(calls == .limited ? 1 : count) {
            let session = Session(
                id: UInt64.random(in: 1...UInt64.max),
                claims: GateClaims(buyer: BuyerID("b\(self.tapes)-\(number)")!, region: Self.region), issuedAt: now,
                expiresAt: now.advanced(milliseconds: 3_600_000))
            // The generator is a trusted proxy: each buyer has an address.
            let address = String(number & 0xFFFF, radix: 16) + ":" + String(self.tapes & 0xFFFF, radix: 16)
            tape.append(
                "POST /v1/lots/\(lot)/token HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(codec.seal(session))\r\n"
                    + "X-Forwarded-For: 2001:db8:\(address)::1\r\nContent-Length: 0\r\n\r\n")
        }
        return tape
    }
}
