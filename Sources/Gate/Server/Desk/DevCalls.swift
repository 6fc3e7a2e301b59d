import CurlClient
import DaemonSupport
import HTTPTypes
import Hummingbird
import Identity
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// What a page needs where there is no shop: a sign-in with a name alone, and a payment without money. Only on loopback.
struct DevCalls {
    let identity: DevIdentity
    let house: Gatehouse
    let signatures: Derived<PaymentSignature>
    let calls: UnitCalls

    func add(to router: Router<TrancheContext>) {
        router.post("/dev/sign-in") { request, _ in
            let body = try await request.document(SignInBody.self, limit: 1 << 10)
            let claims = GateClaims(buyer: body.name, region: self.house.configuration.region)
            let token = try self.identity.mint(claims, now: SystemClock.now())
            return Response.json(SignInDocument(token: token), headers: [.cacheControl: "no-store"])
        }
        router.post("/dev/pay") { request, _ in
            let body = try await request.document(PayBody.self, limit: 1 << 10)
            // The order's unit is not in its id: every unit is asked, and one of them knows the order.
            let units = self.house.setting.withLockedValue { $0.config.units }
            var last: CurlResponse?
            var away = false
            for unit in units {
                guard let response = await self.pay(body.order, at: unit) else {
                    away = true
                    continue
                }
                if response.status == 200 { return Response.json(["state": "paid"]) }
                if response.status != 404 { last = response }
            }
            if let last, let problem = try? JSON.decode(Problem.self, from: last.body) { throw problem }
            // The order may be the one of the unit that does not answer.
            throw away ? Problem(Refusal.recovering) : Problem(Refusal.unknownOrder(body.order))
        }
    }

    /// - Returns: `nil` if the unit does not answer.
    private func pay(_ order: OrderID, at unit: SaleConfig.Unit) async -> CurlResponse? {
        let bytes = JSON.encode(PaymentBody(order: order, payment: PaymentID("dev-\(order)")!))
        let request = CurlRequest(
            "POST", "\(unit.publicURL)/v1/payments/callback",
            headers: [
                "Content-Type": "application/json",
                PaymentSignature.header: self.signatures.current.sign(bytes, at: SystemClock.now()),
            ], body: bytes, timeoutMilliseconds: UnitCalls.timeoutMilliseconds)
        return try? await self.calls.send(request, to: unit.publicURL).get()
    }

    private struct PayBody: Codable { let order: OrderID }
}
