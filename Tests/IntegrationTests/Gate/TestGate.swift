import CurlClient
import Foundation
import Identity
import TrancheAPI
import TrancheCore

/// A buyer at one gate of a test's cluster.
struct TestGate {
    let cluster: TestCluster
    let url: String

    init(_ cluster: TestCluster, _ index: Int = 0) {
        self.cluster = cluster
        self.url = cluster.gates[index]
    }

    static func now() -> Instant { Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6)) }

    /// A proof of identity, as a shop makes it.
    func proof(
        _ buyer: String, level: Int = 0, isMember: Bool = false, createdAt: Instant? = nil, seconds: Int = 3_600
    ) throws -> String {
        let claims = GateClaims(
            buyer: BuyerID(buyer)!, level: level, isMember: isMember, accountCreatedAt: createdAt, region: "us-east")
        return try DevIdentity(gateKey: self.cluster.secret("TRANCHE_GATE_KEY"))
            .mint(claims, lifetimeSeconds: seconds, now: Self.now())
    }

    func post(_ path: String, _ bearer: String?, _ body: [UInt8] = [], from address: String? = nil) async throws
        -> CurlResponse
    {
        try await self.cluster.call(
            "POST", self.url + path, secret: bearer, body: body,
            headers: address.map { ["X-Forwarded-For": $0] } ?? [:])
    }

    func session(_ buyer: String, level: Int = 0) async throws -> String {
        let response = try await self.post("/v1/session", try self.proof(buyer, level: level))
        guard response.status == 201 else { throw TestFailure(String(decoding: response.body, as: UTF8.self)) }
        return try JSON.decode(SessionDocument.self, from: response.body).session
    }

    func status() async throws -> StatusDocument {
        let response = try await self.cluster.call(
            "GET", self.url + "/v1/sales/test/status.json", secret: nil, body: nil)
        return try JSON.decode(StatusDocument.self, from: response.body)
    }

    func entry(_ session: String, from address: String? = nil) async throws -> CurlResponse {
        try await self.post("/v1/lots/1/entry", session, from: address)
    }

    func token(
        _ session: String, ticket: String? = nil, answer: WorkAnswer? = nil, suffix: String = "",
        from address: String? = nil
    ) async throws -> CurlResponse {
        let body = JSON.encode(TokenBody(ticket: ticket, solution: answer))
        return try await self.post("/v1/lots/1/token" + suffix, session, body, from: address)
    }

    static func code(_ response: CurlResponse) -> String {
        (try? JSON.decode(Problem.self, from: response.body))?.code ?? "\(response.status)"
    }

    static func document(_ response: CurlResponse) throws -> TokenDocument {
        guard response.status == 201 else { throw TestFailure(String(decoding: response.body, as: UTF8.self)) }
        return try JSON.decode(TokenDocument.self, from: response.body)
    }
}
