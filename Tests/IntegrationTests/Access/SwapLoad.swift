import CurlClient
import Foundation
import Identity
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The secrets of those who call from outside: the shop, the payment provider and an operator.
final class HeldSecrets: Sendable {
    private let secrets: NIOLockedValueBox<[String: String]>

    init(_ names: [String], of cluster: TestCluster) {
        self.secrets = NIOLockedValueBox(
            Dictionary(uniqueKeysWithValues: names.map { ($0, cluster.secret("TRANCHE_\($0)")) }))
    }

    subscript(_ name: String) -> String { self.secrets.withLockedValue { $0[name] ?? "" } }

    /// Others than these are no secrets of theirs.
    func replace(_ name: String, _ secret: String) {
        self.secrets.withLockedValue { if $0[name] != nil { $0[name] = secret } }
    }
}

/// What a load has done, and what went wrong.
final class SwapTally: Sendable {
    private let seen = NIOLockedValueBox<(counts: [String: Int], failures: [String])>(([:], []))

    var counts: [String: Int] { self.seen.withLockedValue { $0.counts } }
    var failures: [String] { self.seen.withLockedValue { $0.failures } }

    func count(_ act: String) { self.seen.withLockedValue { $0.counts[act, default: 0] += 1 } }
    func fail(_ text: String) { self.seen.withLockedValue { $0.failures.append(text) } }
}

/// Buyers, visitors of gates, the shop and an operator, while secrets are replaced.
struct SwapLoad: Sendable {
    private static let pauseMilliseconds = 40
    private static let triesLimit = 400

    let curl: CurlClient
    let held: HeldSecrets
    let tally: SwapTally

    /// Does something again and again until the end of the test.
    func again(_ name: String, _ act: @Sendable (_ number: Int) async throws -> Void) async {
        var number = 0
        while !Task.isCancelled {
            number += 1
            do {
                try await act(number)
                self.tally.count(name)
            } catch {
                if !Task.isCancelled { self.tally.fail("\(name) \(number): \(error)") }
            }
            try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
    }

    /// Repeats a call while it is told to come again, as buyers do.
    ///
    /// - Throws: ``TestFailure`` if the final status is none of those that are right.
    private func call(
        _ method: String, _ url: String, _ headers: [String: String], _ body: [UInt8]?, is right: Int...
    ) async throws -> CurlResponse {
        var last = 0
        for _ in 0..<Self.triesLimit {
            let response = try await self.curl.send(CurlRequest(method, url, headers: headers, body: body))
            if right.contains(response.status) { return response }
            guard [429, 503].contains(response.status) else {
                throw TestFailure(
                    "\(method) \(url): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
            }
            last = response.status
            try await Task.sleep(for: .milliseconds(25))
        }
        throw TestFailure("\(method) \(url): still \(last)")
    }

    private func bearer(_ secret: String) -> [String: String] { ["Authorization": "Bearer \(secret)"] }

    /// Buys with a token of the shop's own, waits for the end of a contest, and pays.
    func buy(at unit: TestCluster.Unit, lot: UInt32, _ number: Int) async throws {
        let now = TestGate.now()
        let token = PurchaseToken(
            order: OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max)),
            lot: LotID(lot), home: unit.id, buyer: BuyerID("swap-\(lot)-\(unit.id)-\(number)")!, issuedAt: now,
            notBefore: now.advanced(milliseconds: -5_000), expiresAt: now.advanced(milliseconds: 60_000))
        let text = TokenCodec(secret: self.held["TOKEN_SECRET"]).mint(token)
        let answer = try await self.call(
            "POST", "\(unit.url)/v1/lots/\(lot)/orders", self.bearer(text), [], is: 200, 201, 202)
        if answer.status == 202 { try await self.follow(token.order, at: unit) }
        let body = JSON.encode(PaymentBody(order: token.order, payment: PaymentID("pay-\(token.order)")!))
        let signature = PaymentSignature(secret: self.held["PAYMENT_SECRET"]).sign(body, at: TestGate.now())
        _ = try await self.call(
            "POST", "\(unit.url)/v1/payments/callback", [PaymentSignature.header: signature], body, is: 200)
    }

    private func follow(_ order: OrderID, at unit: TestCluster.Unit) async throws {
        for _ in 0..<Self.triesLimit {
            let answer = try await self.call("GET", "\(unit.url)/v1/orders/\(order)", [:], nil, is: 200)
            let state = try JSON.decode(OrderDocument.self, from: answer.body).state
            if state == "reserved" { return }
            guard state == "contested" || state == "waitlisted" else { throw TestFailure("order \(order) is \(state)") }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw TestFailure("order \(order) is not decided")
    }

    /// Comes to a gate, and buys with the token that the gate makes.
    func visit(_ gate: String, gateKey: String, _ number: Int) async throws {
        let port = URL(string: gate)?.port ?? 0
        // Each visitor comes from an address of its own.
        let address = "10.\(port % 200).\(number / 200 % 200).\(number % 200 + 1)"
        let claims = GateClaims(buyer: BuyerID("visitor-\(port)-\(number)")!)
        let proof = try DevIdentity(gateKey: gateKey).mint(claims, lifetimeSeconds: 3_600, now: TestGate.now())
        func headers(_ secret: String) -> [String: String] {
            self.bearer(secret).merging(["X-Forwarded-For": address]) { $1 }
        }
        let opened = try await self.call("POST", gate + "/v1/session", headers(proof), [], is: 201)
        let session = try JSON.decode(SessionDocument.self, from: opened.body).session
        let minted = try await self.call(
            "POST", gate + "/v1/lots/1/token", headers(session), JSON.encode(TokenBody(ticket: nil, solution: nil)),
            is: 201)
        let token = try JSON.decode(TokenDocument.self, from: minted.body)
        _ = try await self.call(
            "POST", "\(token.unit)/v1/lots/1/orders", self.bearer(token.token), [], is: 200, 201)
    }

    /// Asks a unit for a token, as the shop does.
    func mint(at unit: TestCluster.Unit, _ number: Int) async throws {
        let body = JSON.encode(MintBody(lot: LotID(1), buyer: BuyerID("shopper-\(unit.id)-\(number)")!))
        _ = try await self.call(
            "POST", "\(unit.internalURL)/internal/v1/tokens", self.bearer(self.held["SHOP_SECRET"]), body, is: 201)
    }

    func ask(_ center: String) async throws {
        _ = try await self.call("GET", center + "/v1/quota", self.bearer(self.held["ADMIN_SECRET"]), nil, is: 200)
    }
}
