import DaemonSupport
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
    func status() async -> StatusDocument? {
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
        guard let response = await self.call("GET", path), response.status == 200,
            let document = try? JSON.decode(StatusDocument.self, from: response.body.utf8)
        else { return known }
        self.status.withLockedValue { $0.document = document }
        return document
    }

    /// Signs in as the shop would have it: a proof of identity, and a session for it.
    func session(for log: VisitorLog) async -> String? {
        guard let id = BuyerID(log.buyer),
            let proof = try? self.dev.mint(
                GateClaims(buyer: id, region: self.gate.name), now: SystemClock.now()),
            let response = await self.call("POST", "/v1/session", proof, [], log), response.status == 201
        else { return nil }
        guard let document = try? JSON.decode(SessionDocument.self, from: response.body.utf8) else { return nil }
        log.reach(.session)
        return document.session
    }

    /// Every call of a buyer. The generator is a trusted proxy of the gates: each buyer has an address of their own.
    ///
    /// - Parameter log: Of the visitor; the status has none.
    func call(
        _ method: String, _ path: String, _ bearer: String? = nil, _ body: [UInt8]? = nil, _ log: VisitorLog? = nil
    ) async -> LoadResponse? {
        var request = ByteBuffer()
        request.writeString("\(method) \(path) HTTP/1.1\r\nHost: tranche\r\n")
        if let log { request.writeString("X-Forwarded-For: \(Self.address(of: log.buyer))\r\n") }
        if let bearer { request.writeString("Authorization: Bearer \(bearer)\r\n") }
        if let body { request.writeString("Content-Length: \(body.count)\r\n") }
        request.writeString("\r\n")
        if let body { request.writeBytes(body) }
        let response = try? await self.pool.send(request)
        self.note("\(method) \(Self.name(of: path))", response?.status ?? 0)
        log?.asked(gate: response?.refusal)
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
