import DaemonSupport
import Hummingbird
import TrancheAPI
import TrancheCore

/// The routes for the center and the shop, each behind its own credential, on the second listener.
struct InternalRoutes {
    /// The longest body that any internal address takes: a configuration.
    static let bodyBytes = 8 << 20
    static let tokenLifetimeSeconds = 3_600
    static let tokenLifetimeLimit = 7 * 86_400

    let configuration: UnitConfiguration
    let codecs: Derived<TokenCodec>
    let file: ConfigFile
    let engine: Engine

    func addCenter(to group: RouterGroup<TrancheContext>) {
        group.put("config") { request, _ in
            let push = try await request.document(ConfigPush.self, limit: Self.bodyBytes)
            try self.file.accept(push)
            return Response.json(ConfigAck(version: self.file.version))
        }
        group.post("quota") { request, _ in
            let directives = try await request.document(QuotaDirectives.self)
            guard directives.unit == self.configuration.unit else {
                throw Problem(
                    status: 421, code: "wrong_unit",
                    detail: "this is unit \(self.configuration.unit), not \(directives.unit)")
            }
            try directives.checkLimits()
            self.engine.parts.intake.post(.directives(directives))
            return Response(status: .accepted)
        }
    }

    func addShop(to group: RouterGroup<TrancheContext>) {
        group.post("tokens") { request, _ in
            Response.json(try self.mint(try await request.document(MintBody.self, limit: 4 << 10)), status: .created)
        }
        group.get("refunds") { _, _ in
            Response.json(self.engine.currentStatus.refunds)
        }
    }

    private func mint(_ body: MintBody) throws(Problem) -> MintedToken {
        let lifetime = body.lifetimeSeconds ?? Self.tokenLifetimeSeconds
        guard (1...Self.tokenLifetimeLimit).contains(lifetime) else {
            throw Problem(
                status: 400, code: "invalid_lifetime",
                detail: "lifetimeSeconds \(lifetime) is not in 1...\(Self.tokenLifetimeLimit)")
        }
        guard self.file.config.rules.contains(where: { $0.lot == body.lot }) else {
            throw Problem(Refusal.unknownLot(body.lot))
        }
        if let region = body.region {
            // Two regions for one buyer would be two homes, and twice the limit.
            throw Problem(
                status: 400, code: "region_not_taken",
                detail: "region \"\(region.prefix(64))\": a buyer's home is computed from the buyer alone; leave it out"
            )
        }
        // Every unit computes the same home, so any unit can be asked. Before the sale has opened there are no homes:
        // the token claims none then, and the home is computed when the token is used.
        let home = self.file.home(of: body.buyer, lot: body.lot) ?? PurchaseToken.noHome
        let now = SystemClock.now()
        let token = PurchaseToken(
            order: OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max)),
            lot: body.lot,
            home: home, buyer: body.buyer, issuedAt: now,
            notBefore: body.notBeforeMilliseconds.map { Instant(milliseconds: $0) } ?? now,
            expiresAt: now.advanced(milliseconds: Int64(lifetime) * 1_000),
            epoch: self.file.config.sale(of: body.lot)?.revocationEpoch ?? .first)
        return MintedToken(token: self.codecs.current.mint(token), order: token.order, home: token.home)
    }
}

struct ConfigAck: Codable { let version: Int }
