import Clusters
import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// What a real center, unit and coordinator say to each wrong certificate.
@Suite("Access by certificate: faults", .serialized, .timeLimit(.minutes(3))) struct CertificateFaultTests {
    private struct Server {
        let authority: TestAuthority
        let url: String
        var port: Int { URL(string: self.url)?.port ?? 0 }

        func says(_ path: String, _ certificate: String, options: String = "") throws -> String {
            try self.authority.ask(port: self.port, path: path, as: certificate, options: options)
        }
    }

    private func uri(_ role: String, _ name: String) -> String { TestAuthority.uri(role, name) }

    @Test("expired, of another authority, of another domain, without a name, with two, over TLS 1.2: each is refused")
    func wrongCertificatesAreRefused() async throws {
        let (authority, stranger) = (try TestAuthority(), try TestAuthority())
        let cluster = try await TestCluster.start(stock: 3, limit: 1, options: ["--tls", authority.folder])
        defer { cluster.stop() }
        let good = try authority.certificate(self.uri("monitor", "m"))
        let urls = cluster.units.map(\.internalURL) + [cluster.center, cluster.coordinator]
        for server in urls.map({ Server(authority: authority, url: $0) }) {
            let fine = try server.says("/healthz", good)
            #expect(fine.contains("HTTP/1.1 200"), "\(server.url): \(fine)")
            // Refused in the handshake: there is no HTTP.
            for (what, said) in [
                ("expired", try server.says("/healthz", try authority.certificate(self.uri("monitor", "m"), days: -1))),
                ("another authority", try server.says("/healthz", try stranger.certificate(self.uri("monitor", "m")))),
                ("TLS 1.2", try server.says("/healthz", good, options: "-tls1_2")),
            ] { #expect(!said.contains("HTTP/1.1") && said.contains("alert"), "\(what) at \(server.url): \(said)") }
            // Refused with the reason: the authority is right, and whoever issued the certificate can read it.
            for names in [
                "IP:127.0.0.1", "\(self.uri("monitor", "m")),\(self.uri("operator", "o"))",
                "URI:https://test.example/monitor/m", "URI:spiffe://other.example/monitor/m", self.uri("root", "m"),
            ] {
                let said = try server.says("/healthz", try authority.certificate(names))
                #expect(said.contains("HTTP/1.1 403") && said.contains("bad_certificate"), "\(names): \(said)")
            }
        }
    }

    @Test("a valid certificate of another role is refused, and so is another unit's")
    func wrongRolesAreRefused() async throws {
        let authority = try TestAuthority()
        let cluster = try await TestCluster.start(stock: 3, limit: 1, options: ["--tls", authority.folder])
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let (center, internalUnit, coordinator) = (
            Server(authority: authority, url: cluster.center), Server(authority: authority, url: unit.internalURL),
            Server(authority: authority, url: cluster.coordinator)
        )
        var certificates: [ProcessName.Role: String] = [:]
        for role in ProcessName.Role.allCases {
            // The list of operators names the cluster's own one.
            let name = [.unit: unit.name, .operator: ClusterLayout.operatorName][role] ?? "x"
            certificates[role] = try authority.certificate(self.uri(role.rawValue, name))
        }
        for (server, path, route) in [
            (center, "/internal/v1/units/\(unit.id)/config", RouteClass.unitReports),
            (center, "/internal/v1/gates/config", .gateReports), (center, "/v1/quota", .operations),
            (center, "/internal/v1/coordinators/quota", .coordination),
            (internalUnit, "/internal/v1/refunds", .sales), (center, "/metrics", .insight),
            (internalUnit, "/metrics", .insight), (coordinator, "/metrics", .insight),
        ] {
            for (role, certificate) in certificates {
                let said = try server.says(path, certificate)
                if route.roles.contains(role) {
                    #expect(!said.contains("HTTP/1.1 40") || said.contains("HTTP/1.1 400"), "\(role) \(path): \(said)")
                } else {
                    #expect(said.contains("HTTP/1.1 403") && said.contains("wrong_role"), "\(role) \(path): \(said)")
                }
            }
        }
        // A unit's certificate opens its own addresses, and not those of its neighbour or of a number that is free.
        let own = try #require(certificates[.unit])
        for number in [cluster.units[1].id.description, "77"] {
            let said = try center.says("/internal/v1/units/\(number)/config", own)
            #expect(said.contains("HTTP/1.1 403") && said.contains("wrong_name"), "unit \(number): \(said)")
        }
        // The message must not name another unit either.
        let client = CurlClient(
            tls: ClientTLS(certificate: own + "/cert.pem", key: own + "/key.pem", authority: own + "/ca.pem"))
        defer { client.stop() }
        let contest = try await client.send(
            CurlRequest("POST", "\(cluster.coordinator)/internal/v1/units/\(cluster.units[1].id)/contest", body: []))
        #expect([403, 503].contains(contest.status), "\(contest.status)")
    }

    @Test("a process does not start with a certificate of another role, of another name, or without a name")
    func processesNeedTheirOwnNames() async throws {
        let authority = try TestAuthority()
        for (names, reason) in [
            (self.uri("unit", "a"), "names spiffe://test.example/unit/a, but this process is"),
            ("IP:127.0.0.1", "the certificate has no URI name"),
            ("\(self.uri("center", "a")),\(self.uri("center", "b"))", "the certificate has 2 URI names"),
        ] {
            let folder = try authority.certificate(names)
            let settings = "  host: \"127.0.0.1\"\ntls:\n" + self.settings(folder)
            let center = try LoneDaemon("tranche-config-center", section: "center", settings: settings)
            let error = await #expect(throws: TestFailure.self) { try await center.start([:]) }
            #expect(error?.description.contains(reason) == true, "\(names): \(error?.description ?? "")")
        }
        // Certificate and key that do not belong together.
        let (one, two) = (
            try authority.certificate(self.uri("center", "a")), try authority.certificate(self.uri("center", "a"))
        )
        let mixed =
            "tls:\n  certificate: \"\(one)/cert.pem\"\n  key: \"\(two)/key.pem\"\n  authority: \"\(one)/ca.pem\"\n"
        let center = try LoneDaemon("tranche-config-center", section: "center", settings: mixed)
        let error = await #expect(throws: TestFailure.self) { try await center.start([:]) }
        #expect(error?.description.contains("cannot be used") == true, "\(error?.description ?? "")")
    }

    private func settings(_ folder: String) -> String {
        "  certificate: \"\(folder)/cert.pem\"\n  key: \"\(folder)/key.pem\"\n  authority: \"\(folder)/ca.pem\"\n"
    }
}
