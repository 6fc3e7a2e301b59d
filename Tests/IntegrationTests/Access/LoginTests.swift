import CurlClient
import DaemonSupport
import Foundation
import Identity
import LoadGenerator
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Signing in to the console with the shop's provider, at a real center.
@Suite("Logins with a provider", .timeLimit(.minutes(3))) struct LoginTests {
    private let provider: FakeProvider
    private let daemon: LoneDaemon
    private let people: String
    private let admin = Secret.random()
    private let curl = CurlClient()

    init() throws {
        self.provider = try FakeProvider()
        self.people = try TemporaryFolder.make() + "/people"
        let list = """
            sub 4711 ann admin
            email Bob@Shop.Example bob -
            group ops operator
            """
        try Data(list.utf8).write(to: URL(fileURLWithPath: self.people))
        self.daemon = try LoneDaemon(
            "tranche-config-center", section: "center",
            settings: """
                operators:
                  login:
                    issuer: "\(self.provider.issuer)"
                    client: "\(FakeProvider.client)"
                    redirect: "http://127.0.0.1/console/login/callback"
                    people: "\(self.people)"

                """)
    }

    private func start() async throws {
        try await self.daemon.start(
            ["TRANCHE_ADMIN_SECRET": self.admin, "TRANCHE_LOGIN_SECRET": FakeProvider.secret])
    }

    private struct Begun {
        let cookie: String
        let query: [String: String]
        var state: String { self.query["state"] ?? "" }
    }

    private func get(_ path: String, _ headers: [String: String] = [:]) async throws -> CurlResponse {
        try await self.curl.send(CurlRequest("GET", self.daemon.url + path, headers: headers))
    }

    private func begin() async throws -> Begun {
        let answer = try await self.get("/console/login")
        #expect(answer.status == 303 && answer.headers["cache-control"] == "no-store")
        let location = try #require(URLComponents(string: answer.headers["location"] ?? ""))
        #expect(location.path == "/authorize" && "http://127.0.0.1:\(location.port ?? 0)" == self.provider.issuer)
        let cookie = try #require(answer.headers["set-cookie"])
        for part in ["HttpOnly", "SameSite=Lax", "Path=/console/login", "Max-Age=600"] {
            #expect(cookie.contains(part), "\(cookie)")
        }
        let pairs = (location.queryItems ?? []).map { ($0.name, $0.value ?? "") }
        return Begun(cookie: String(cookie.prefix { $0 != ";" }), query: Dictionary(pairs) { $1 })
    }

    private func finish(_ begun: Begun, state: String? = nil, cookie: String? = nil) async throws -> CurlResponse {
        try await self.get(
            "/console/login/callback?code=c1&state=\(state ?? begun.state)", ["Cookie": cookie ?? begun.cookie])
    }

    private func claims(_ begun: Begun, _ changes: [String: Any] = [:]) -> [String: Any] {
        let now = Int(Date().timeIntervalSince1970)
        let claims: [String: Any] = [
            "iss": self.provider.issuer, "aud": FakeProvider.client, "sub": "4711", "exp": now + 60, "iat": now,
            "nonce": begun.query["nonce"] ?? "",
        ]
        return claims.merging(changes) { $1 }
    }

    private func signIn(_ changes: [String: Any] = [:]) async throws -> String {
        let begun = try await self.begin()
        try self.provider.prepare(self.claims(begun, changes))
        let answer = try await self.finish(begun)
        #expect(answer.status == 303 && answer.headers["location"] == "/console")
        let cookie = try #require(answer.headers["set-cookie"])
        #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/;"))
        return String(cookie.prefix { $0 != ";" })
    }

    private func code(_ response: CurlResponse) -> String {
        (try? JSON.decode(Problem.self, from: response.body))?.code ?? "\(response.status)"
    }

    private func me(_ cookie: String) async throws -> OperatorDocument {
        try JSON.decode(OperatorDocument.self, from: try await self.get("/v1/operator", ["Cookie": cookie]).body)
    }

    @Test("a person of the list signs in, acts under their name, signs out, and is nobody when they leave the list")
    func personSignsIn() async throws {
        try await self.start()
        defer { self.daemon.stop(); self.provider.stop() }
        #expect(String(decoding: try await self.get("/console").body, as: UTF8.self).contains("/console/login"))
        let begun = try await self.begin()
        #expect(begun.query["response_type"] == "code" && begun.query["client_id"] == FakeProvider.client)
        #expect(begun.query["redirect_uri"] == "http://127.0.0.1/console/login/callback")
        #expect(begun.query["code_challenge_method"] == "S256")
        try self.provider.prepare(self.claims(begun))
        #expect(try await self.finish(begun).status == 303)
        // The provider can tell the client, and that it has begun this login.
        let request = try #require(self.provider.lastRequest)
        let form = Dictionary(
            (URLComponents(string: "?" + String(decoding: request.body, as: UTF8.self))?.queryItems ?? [])
                .map { ($0.name, $0.value ?? "") }
        ) { $1 }
        #expect(form["grant_type"] == "authorization_code" && form["code"] == "c1")
        #expect(form["redirect_uri"] == begun.query["redirect_uri"])
        let verifier = form["code_verifier"] ?? ""
        let end = String(decoding: JSON.encode(Instant.distantFuture), as: UTF8.self)
        let sent = "{\"state\":\"\",\"nonce\":\"\",\"verifier\":\"\(verifier)\",\"endsAt\":\(end)}"
        let attempt = try JSON.decode(LoginAttempt.self, from: Array(sent.utf8))
        #expect(attempt.challenge == begun.query["code_challenge"])
        let basic = Data("tranche-console:the%20client%27s%20secret%20%2F%20of%20a%20test".utf8)
        #expect(request.headers["authorization"] == "Basic \(basic.base64EncodedString())")

        let cookie = try await self.signIn()
        let me = try await self.me(cookie)
        #expect((me.name, me.role) == ("ann", .admin))
        // The cookie alone opens nothing for another site's page, and a wrong credential does not fall back to it.
        func freeze(_ headers: [String: String]) async throws -> Int {
            var all = headers
            all["Cookie"] = cookie
            all["Content-Type"] = "application/json"
            let body = Array("{\"frozen\":true}".utf8)
            let request = CurlRequest("POST", self.daemon.url + "/v1/lots/1/freeze", headers: all, body: body)
            let response = try await self.curl.send(request)
            return response.status
        }
        #expect(try await freeze(["Sec-Fetch-Site": "cross-site"]) == 403)
        #expect(try await freeze(["Authorization": "Bearer \(Secret.random())"]) == 401)
        #expect(try await freeze(["Sec-Fetch-Site": "same-origin"]) == 404)
        let lines = try JSON.decode([AuditLine].self, from: try await self.get("/v1/audit", ["Cookie": cookie]).body)
        #expect(lines.contains { $0.actor == "ann" && $0.action == "login" })

        let other = try await self.signIn()
        let signOut = CurlRequest("POST", self.daemon.url + "/console/login/end", headers: ["Cookie": cookie], body: [])
        #expect(try await self.curl.send(signOut).status == 204)
        #expect(try await self.get("/v1/operator", ["Cookie": cookie]).status == 401)
        #expect(try await self.me(other).name == "ann")
        try Data("\n".utf8).write(to: URL(fileURLWithPath: self.people), options: .atomic)
        try await eventually("end of ann") { try await self.get("/v1/operator", ["Cookie": other]).status == 403 }
    }

    @Test("a verified address and a group give name and role") func groupsGiveRoles() async throws {
        try await self.start()
        defer { self.daemon.stop(); self.provider.stop() }
        let bob: [String: Any] = [
            "sub": "1", "email": "bob@shop.example", "email_verified": true, "groups": ["everybody", "ops"],
        ]
        let me = try await self.me(try await self.signIn(bob))
        #expect((me.name, me.role) == ("bob", .operator))
        for changes in [["email_verified": false], ["groups": ["everybody"]], ["email": "eve@shop.example"]]
            as [[String: Any]]
        {
            let begun = try await self.begin()
            try self.provider.prepare(self.claims(begun, bob.merging(changes) { $1 }))
            let answer = try await self.finish(begun)
            #expect(answer.status == 403 && self.code(answer) == "unknown_operator", "\(changes)")
            #expect(answer.headers["set-cookie"] == nil)
        }
        let lines = try JSON.decode(
            [AuditLine].self,
            from: try await self.get("/v1/audit", ["Authorization": "Bearer \(self.admin)"]).body)
        #expect(lines.count { $0.action == "refused" && $0.detail.hasPrefix("unknown_operator") } == 3)
    }

    @Test("no token but the right one of this login opens a session") func wrongTokensAreRefused() async throws {
        try await self.start()
        defer { self.daemon.stop(); self.provider.stop() }
        let past = Int(Date().timeIntervalSince1970) - 60
        let wrong: [(name: String, changes: [String: Any], algorithm: String?)] = [
            ("another login's", ["nonce": "other"], nil), ("another client's", ["aud": "another"], nil),
            ("asked for by another client", ["aud": [FakeProvider.client, "b"], "azp": "b"], nil),
            ("expired", ["exp": past], nil), ("another issuer's", ["iss": "https://evil.example"], nil),
            ("without a signature", [:], "none"), ("of another algorithm", [:], "HS256"),
        ]
        for (name, changes, algorithm) in wrong {
            let begun = try await self.begin()
            try self.provider.prepare(self.claims(begun, changes), algorithm: algorithm)
            let answer = try await self.finish(begun)
            #expect(answer.status == 401 && self.code(answer) == "bad_identity", "\(name): \(answer.status)")
            #expect(answer.headers["set-cookie"] == nil, "\(name)")
        }
        // A code that the provider does not take.
        let begun = try await self.begin()
        #expect(self.code(try await self.finish(begun)) == "login_refused")
        // An answer to nothing that this browser has begun.
        let other = try await self.begin()
        try self.provider.prepare(self.claims(begun))
        for (state, cookie) in [(other.state, begun.cookie), (begun.state, other.cookie), (begun.state, "a=b")] {
            let answer = try await self.finish(begun, state: state, cookie: cookie)
            #expect(answer.status == 400 && self.code(answer) == "login_mismatch")
        }
        let forged = begun.cookie.dropLast(2) + "AA"
        #expect(self.code(try await self.finish(begun, cookie: String(forged))) == "login_mismatch")
        let refused = try await self.get(
            "/console/login/callback?error=access_denied&state=\(begun.state)", ["Cookie": begun.cookie])
        #expect(refused.status == 401 && self.code(refused) == "login_refused")
        // None of them has used the code up.
        #expect(try await self.finish(begun).status == 303)
    }

    @Test("half of the settings, or an address in the clear, does not start") func badSettingsDoNotStart() async throws
    {
        for (settings, said) in [
            ("issuer: \"http://shop.example\"", "operators.login.issuer"),
            ("issuer: \"https://shop.example\"", "operators.login.redirect"),
            (
                "issuer: \"https://shop.example\"\n    redirect: \"https://center.example/elsewhere\"",
                "/console/login/callback"
            ),
        ] {
            let center = try LoneDaemon(
                "tranche-config-center", section: "center", settings: "operators:\n  login:\n    \(settings)\n")
            await #expect {
                try await center.start([:])
            } throws: { "\($0)".contains(said) }
        }
        self.provider.stop()
    }

    @Test("without a provider the page has no link, and the addresses are not there") func noProviderNoLink()
        async throws
    {
        let center = try LoneDaemon("tranche-config-center", section: "center")
        try await center.start([:])
        defer { center.stop(); self.provider.stop() }
        let page = try await self.curl.send(CurlRequest("GET", center.url + "/console"))
        #expect(!String(decoding: page.body, as: UTF8.self).contains("console/login"))
        #expect(try await center.status("GET", "/console/login", nil) == 404)
    }
}
