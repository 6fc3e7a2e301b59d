import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// Replacing a secret: the new one is used before the old one is removed.
@Suite("Rotation of secrets in Access", .serialized, .timeLimit(.minutes(3))) struct RotationTests {
    /// One credential in its two versions, and an address that it opens.
    private struct Rotation {
        let variable: String
        let method: String
        let path: String
        let show: (_ secret: String) -> String
    }

    private func rotate(_ daemon: LoneDaemon, _ rotations: [Rotation]) async throws {
        let (old, new) = (Secret.random(), Secret.random())
        for (listed, opens) in [
            (old, [true, false]), ("\(old),\(new)", [true, true]), ("\(new), \(old)", [true, true]),
            (new, [false, true]),
        ] {
            var secrets: [String: String] = [:]
            for rotation in rotations { secrets[rotation.variable] = listed }
            try await daemon.start(secrets)
            for rotation in rotations {
                for (secret, isOpen) in zip([old, new], opens) {
                    let status = try await daemon.status(rotation.method, rotation.path, rotation.show(secret))
                    #expect(
                        isOpen ? status != 401 && (200..<500).contains(status) : status == 401,
                        "\(rotation.variable), \(rotation.path): \(status)")
                }
            }
        }
    }

    @Test("the center accepts every secret that is listed, and none that was removed")
    func centerTakesListedSecretsOnly() async throws {
        let daemon = try LoneDaemon("tranche-config-center", section: "center")
        defer { daemon.stop() }
        try await self.rotate(
            daemon,
            [
                Rotation(variable: "TRANCHE_ADMIN_SECRET", method: "GET", path: "/v1/quota") { $0 },
                Rotation(
                    variable: "TRANCHE_COORDINATOR_SECRET", method: "POST", path: "/internal/v1/coordinators/lead"
                ) { $0 },
                Rotation(variable: "TRANCHE_UNITS_KEY", method: "GET", path: "/internal/v1/units/7/config") {
                    UnitCredential.derive(.toCenter, of: UnitID(7), key: $0)
                },
            ])
    }

    @Test("a coordinator accepts units whose secrets are derived from any listed key")
    func coordinatorTakesAnyListedKey() async throws {
        let daemon = try LoneDaemon(
            "tranche-coordinator", section: "coordinator", settings: "center:\n  url: \"http://127.0.0.1:1\"\n")
        defer { daemon.stop() }
        try await self.rotate(
            daemon,
            [
                Rotation(variable: "TRANCHE_CONTEST_KEY", method: "POST", path: "/internal/v1/units/7/contest") {
                    UnitCredential.derive(.toCoordinator, of: UnitID(7), key: $0)
                }
            ])
    }

    @Test("a unit accepts old and new tokens while both secrets are listed, and only new ones afterwards")
    func unitSellsToListedTokenSecrets() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let names = ["TOKEN", "SHOP", "PAYMENT", "CENTER"].map { "TRANCHE_\($0)_SECRET" }
        let old = cluster.environment(of: unit).filter { names.contains($0.key) }
        let new = old.mapValues { _ in Secret.random() }

        try await cluster.restartUnit(unit, secrets: new.merging(old) { "\($0),\($1)" })
        let first = try await self.buy(cluster, "early", old)
        #expect(first.status == 201)
        #expect(try await self.buy(cluster, "fresh", new).status == 201)
        let order = try JSON.decode(OrderDocument.self, from: first.body).order
        for secrets in [old, new] {
            // The same payment again: it has one outcome, whichever secret signs it.
            let paid = try await cluster.pay(unit, order, "p1", secret: secrets["TRANCHE_PAYMENT_SECRET"])
            #expect(paid.status == 200)
            #expect(try await self.opened(cluster, secrets) == [200, 400])
        }
        // What the shop gets is made with the first secret of the list.
        let mint = try await cluster.call(
            "POST", "\(unit.internalURL)/internal/v1/tokens", secret: old["TRANCHE_SHOP_SECRET"],
            body: JSON.encode(MintBody(lot: LotID(1), buyer: BuyerID("shopper")!)))
        let token = try JSON.decode(MintedToken.self, from: mint.body).token
        #expect(throws: Never.self) { try TokenCodec(secret: new["TRANCHE_TOKEN_SECRET"]!).open(token.utf8) }
        #expect(throws: TokenError.forged) { try TokenCodec(secret: old["TRANCHE_TOKEN_SECRET"]!).open(token.utf8) }

        try await cluster.restartUnit(unit, secrets: new)
        let late = try await self.buy(cluster, "late", old)
        #expect(late.status == 401)
        #expect(try JSON.decode(Problem.self, from: late.body).code == "bad_token")
        #expect(try await self.buy(cluster, "last", new).status == 201)
        #expect(try await cluster.pay(unit, order, "p1", secret: old["TRANCHE_PAYMENT_SECRET"]).status == 401)
        #expect(try await cluster.pay(unit, order, "p1", secret: new["TRANCHE_PAYMENT_SECRET"]).status == 200)
        #expect(try await self.opened(cluster, old) == [401, 401])
        #expect(try await self.opened(cluster, new) == [200, 400])
    }

    private func buy(_ cluster: TestCluster, _ buyer: String, _ secrets: [String: String]) async throws
        -> CurlResponse
    {
        let codec = TokenCodec(secret: secrets["TRANCHE_TOKEN_SECRET"] ?? "")
        let token = codec.mint(cluster.claims(buyer: buyer))
        var response: CurlResponse?
        try await eventually("final answer for \(buyer)") {
            response = try await cluster.buy(cluster.units[0], token: token)
            // A unit that has just started counts its stock first.
            return response?.status != 503
        }
        return try #require(response)
    }

    /// What the shop and the center get for an address of theirs; the center's message is empty, and changes nothing.
    private func opened(_ cluster: TestCluster, _ secrets: [String: String]) async throws -> [Int] {
        let base = "\(cluster.units[0].internalURL)/internal/v1"
        let shop = try await cluster.call(
            "GET", "\(base)/refunds", secret: secrets["TRANCHE_SHOP_SECRET"], body: nil)
        let center = try await cluster.call(
            "POST", "\(base)/quota", secret: secrets["TRANCHE_CENTER_SECRET"], body: [])
        return [shop.status, center.status]
    }
}
