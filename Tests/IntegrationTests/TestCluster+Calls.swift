import CurlClient
import DaemonSupport
import Foundation
import TrancheAPI
import TrancheCore

/// What buyers, shops and operators ask of the cluster's processes.
extension TestCluster {
    func call(
        _ method: String, _ url: String, secret: String?, body: [UInt8]?, headers: [String: String] = [:]
    ) async throws -> CurlResponse {
        var fields = headers
        if let secret { fields["Authorization"] = "Bearer \(secret)" }
        return try await self.curl.send(CurlRequest(method, url, headers: fields, body: body))
    }

    func quota() async throws -> QuotaState {
        let headers = ["Authorization": "Bearer \(self.secret("TRANCHE_ADMIN_SECRET"))"]
        let response = try await self.leading.send(CurlRequest("GET", "/v1/quota", headers: headers))
        return try JSON.decode(QuotaState.self, from: response.body)
    }

    func claims(
        buyer: String, lot: UInt32 = 1, unit: UInt16 = 1, notBeforeMilliseconds: Int64 = -10_000,
        lifetimeMilliseconds: Int64 = 60_000
    ) -> PurchaseToken {
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        return PurchaseToken(
            order: OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max)),
            lot: LotID(lot),
            home: UnitID(unit), buyer: BuyerID(buyer)!, issuedAt: now,
            notBefore: now.advanced(milliseconds: notBeforeMilliseconds),
            expiresAt: now.advanced(milliseconds: lifetimeMilliseconds))
    }

    func token(
        buyer: String, lot: UInt32 = 1, unit: UInt16 = 1, notBeforeMilliseconds: Int64 = -10_000,
        lifetimeMilliseconds: Int64 = 60_000
    ) -> String {
        let claims = self.claims(
            buyer: buyer, lot: lot, unit: unit, notBeforeMilliseconds: notBeforeMilliseconds,
            lifetimeMilliseconds: lifetimeMilliseconds)
        return TokenCodec(secret: self.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
    }

    func buy(_ unit: Unit, lot: String = "1", token: String?, body: String? = nil, suffix: String = "") async throws
        -> CurlResponse
    {
        try await self.call(
            "POST", "\(unit.url)/v1/lots/\(lot)/orders\(suffix)", secret: token, body: body.map { Array($0.utf8) } ?? []
        )
    }

    /// Asks until the answer is final; `true` if the buyer has an order.
    func buySurely(_ unit: Unit, buyer: String) async throws -> Bool {
        let token = self.token(buyer: buyer, unit: unit.id.rawValue)
        for _ in 0..<400 {
            let response = try? await self.buy(unit, token: token)
            if response?.status == 201 { return true }
            if let response, response.status != 503 { return false }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw TestFailure("no final answer for \(buyer) at \(unit.name)")
    }

    func pay(_ unit: Unit, _ order: OrderID, _ payment: String, secret: String? = nil) async throws -> CurlResponse {
        let body = JSON.encode(PaymentBody(order: order, payment: PaymentID(payment)!))
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        let signature = PaymentSignature(secret: secret ?? self.secret("TRANCHE_PAYMENT_SECRET")).sign(body, at: now)
        return try await self.call(
            "POST", "\(unit.url)/v1/payments/callback", secret: nil, body: body,
            headers: [PaymentSignature.header: signature])
    }

    /// Asks again and again until `condition` holds; fails its test after 20 seconds.
    func wait(for what: String, until condition: () async throws -> Bool) async throws {
        try await eventually(what, condition)
    }

    func refunds(_ unit: Unit) async throws -> [UnitBook.Refund] {
        let response = try await self.call(
            "GET", "\(unit.internalURL)/internal/v1/refunds", secret: self.secret("TRANCHE_SHOP_SECRET"), body: nil)
        return try JSON.decode([UnitBook.Refund].self, from: response.body)
    }

    func state(_ unit: Unit, _ order: OrderID) async throws -> String {
        let response = try await self.call("GET", "\(unit.url)/v1/orders/\(order)", secret: nil, body: nil)
        return try JSON.decode(OrderDocument.self, from: response.body).state
    }
}
