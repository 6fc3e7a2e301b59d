import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// Every address of every server, with every credential.
@Suite("Access", .serialized, .timeLimit(.minutes(3))) struct AccessTests {
    @Test("every address accepts the credentials that it names, and no other")
    func addressesOpenToNamedCredentialsOnly() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let doors = AccessDoor.all(of: cluster)
        let keys = try AccessKey.all(of: cluster)
        let before = try await self.audit(cluster)
        for door in doors {
            // An empty message: a call that passes the check of its credential changes nothing.
            for key in keys {
                let response = try await cluster.call(
                    door.method, door.url, secret: key.bearer, body: door.method == "GET" ? nil : [],
                    headers: key.headers)
                let what = "\(door.method) \(door.url) with \(key.name): \(response.status)"
                if door.opensTo(key.name) {
                    #expect(response.status != 401 && response.status != 403 && response.status < 500, "\(what)")
                } else {
                    #expect(response.status == 401, "\(what)")
                    let problem = try? JSON.decode(Problem.self, from: response.body)
                    #expect(problem?.code == door.refusal, "\(what): \(problem?.code ?? "no problem document")")
                }
            }
        }
        // The one buyer bought and cancelled; no operator's act was carried out.
        #expect(try await cluster.state(cluster.units[0], AccessKey.order) == "cancelled")
        #expect(try await self.audit(cluster) == before)
    }

    private func audit(_ cluster: TestCluster) async throws -> String {
        let response = try await cluster.call(
            "GET", "\(cluster.center)/v1/audit", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        return String(decoding: response.body, as: UTF8.self)
    }

    @Test("the test's table of addresses is the one of the contract") func addressTableMatchesContract() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let document = try String(contentsOfFile: "Sources/DaemonSupport/HTTP/openapi.yaml", encoding: .utf8)
        let described = AccessDoor.operations(of: document)
        let tried = Set(AccessDoor.all(of: cluster).map { "\($0.tag) \($0.method) \($0.path)" })
        #expect(described.count > 40)
        #expect(tried.subtracting(described).isEmpty, "\(tried.subtracting(described))")
        #expect(described.subtracting(tried).isEmpty, "\(described.subtracting(tried))")
        // Figures and the contract are for the inside: on a public listener they are not there at all.
        for path in ["/metrics", "/openapi.yaml"] {
            let outside = try await cluster.call("GET", cluster.units[0].url + path, secret: nil, body: nil)
            #expect(outside.status == 404)
            for base in [cluster.units[0].internalURL, cluster.center, cluster.coordinator] {
                #expect(try await cluster.call("GET", base + path, secret: nil, body: nil).status == 200)
            }
        }
    }

    @Test("no spelling of unit 1's number gives unit 2 access") func noSpellingAdmitsAnotherUnit() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let foreign = cluster.secret("TRANCHE_UNIT_SECRET", of: cluster.units[1])
        for spelling in ["1", "01", "+1", "%31", "1/", "1%00", "65537", "1%2F..%2F2", "2%2F..%2F1", "", "-1", "1.0"] {
            let response = try await cluster.call(
                "GET", "\(cluster.center)/internal/v1/units/\(spelling)/config", secret: foreign, body: nil)
            #expect([401, 404].contains(response.status), "\(spelling): \(response.status)")
        }
        // A unit that gets access by another spelling of its own number cannot report for another unit.
        let own = cluster.secret("TRANCHE_UNIT_SECRET", of: cluster.units[0])
        let report = Self.registration(of: UnitID(2))
        for spelling in ["1", "01", "%31"] {
            let response = try await cluster.call(
                "POST", "\(cluster.center)/internal/v1/units/\(spelling)/register", secret: own, body: report)
            #expect([401, 404, 421].contains(response.status), "\(spelling): \(response.status)")
        }
    }

    @Test("a credential is accepted only exactly, whole, and as a bearer token")
    func credentialCountsOnlyAsWritten() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let secret = cluster.secret("TRANCHE_ADMIN_SECRET")
        let refused = [
            "Basic \(secret)", "Bearer  \(secret)", "Bearer \(secret)x", "Bearer \(secret.dropLast())",
            "Bearer \(secret.uppercased())x", "Bearer \(secret),\(secret)", "Bearer ", "Bearer", secret,
        ]
        for field in refused {
            let response = try await cluster.call(
                "GET", "\(cluster.center)/v1/quota", secret: nil, body: nil, headers: ["Authorization": field])
            #expect(response.status == 401, "\(field)")
            let text = String(decoding: response.body, as: UTF8.self)
            #expect(!text.contains(secret), "a refusal tells nothing of the secret")
        }
        // RFC 9110, section 11.1: the scheme's case does not count.
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let response = try await cluster.call(
                "GET", "\(cluster.center)/v1/quota", secret: nil, body: nil,
                headers: ["Authorization": "\(scheme) \(secret)"])
            #expect(response.status == 200, "\(scheme)")
        }
    }

    private static func registration(of unit: UnitID) -> [UInt8] {
        JSON.encode(
            RegisterEnvelope(
                request: RegisterRequest(
                    unit: unit, ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1),
                    head: .empty, session: 1, answer: nil), name: "x", region: "x", publicURL: "http://127.0.0.1:1",
                internalURL: "http://127.0.0.1:1"))
    }
}
