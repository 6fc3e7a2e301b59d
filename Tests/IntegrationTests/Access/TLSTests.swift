import Clusters
import CurlClient
import DaemonSupport
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Real processes that use TLS between them, with certificates of an authority of their own.
@Suite("Access by certificate", .serialized, .timeLimit(.minutes(3))) struct TLSTests {
    private func start(_ authority: TestAuthority) async throws -> TestCluster {
        // A contest: an order passes from its unit to the coordinator and the center, and back.
        try await TestCluster.start(
            stock: 30, limit: 1, contest: ["--contest", "global"], options: ["--tls", authority.folder])
    }

    private func port(_ url: String) -> Int { URL(string: url)?.port ?? 0 }

    private func inner(_ cluster: TestCluster) -> [String] {
        cluster.units.map(\.internalURL) + [cluster.center, cluster.coordinator]
    }

    @Test("a cluster under TLS sells an order from token to payment, through center and coordinator")
    func clusterUnderTLSSells() async throws {
        let cluster = try await self.start(try TestAuthority())
        defer { cluster.stop() }
        #expect(self.inner(cluster).allSatisfy { $0.hasPrefix("https://") })
        // The shop shows its certificate, and no secret.
        let shop = CurlClient(tls: cluster.tls("shop-local"))
        defer { shop.stop() }
        let mint = try await shop.send(
            CurlRequest(
                "POST", "\(cluster.units[0].internalURL)/internal/v1/tokens",
                body: JSON.encode(MintBody(lot: LotID(1), buyer: BuyerID("anna")!))))
        #expect(mint.status == 201)
        let minted = try JSON.decode(MintedToken.self, from: mint.body)
        let unit = try #require(cluster.units.first { $0.id == minted.home })
        #expect([201, 202].contains(try await cluster.buy(unit, token: minted.token).status))
        try await cluster.wait(for: "the contest's decision") {
            try await cluster.state(unit, minted.order) == "reserved"
        }
        #expect(try await cluster.pay(unit, minted.order, "p1").status == 200)
        #expect(try await cluster.state(unit, minted.order) == "paid")
        // The center has its report, over TLS, from a unit with a certificate.
        try await cluster.wait(for: "a report of the payment") {
            try await cluster.quota().lots[0].units.reduce(0) { $0 + $1.paid } == 1
        }
        #expect(try await cluster.quota().coordinatorURL?.hasPrefix("https://127.0.0.1:") == true)
    }

    @Test("internal listeners refuse clients without a certificate of their authority, and connections without TLS")
    func internalListenersNeedCertificates() async throws {
        let (authority, stranger) = (try TestAuthority(), try TestAuthority())
        let cluster = try await self.start(authority)
        defer { cluster.stop() }
        let plain = CurlClient()
        defer { plain.stop() }
        for url in self.inner(cluster) {
            let port = self.port(url)
            let own = try authority.ask(port: port, path: "/healthz", as: authority.folder)
            #expect(own.contains("HTTP/1.1 200"), "\(url): \(own)")
            let none = try authority.ask(port: port, path: "/healthz", as: nil)
            #expect(!none.contains("HTTP/1.1"), "\(url): \(none)")
            #expect(none.contains("certificate required"), "\(url): \(none)")
            let foreign = try authority.ask(port: port, path: "/healthz", as: stranger.folder)
            #expect(!foreign.contains("HTTP/1.1"), "\(url): \(foreign)")
            await #expect(throws: CurlError.self, "\(url) in the clear") {
                _ = try await plain.send(CurlRequest("GET", "http://127.0.0.1:\(port)/healthz"))
            }
        }
        // The name in a certificate opens what is for its role, without any secret, and nothing else.
        let local = try authority.certificate(TestAuthority.uri("operator", ClusterLayout.operatorName))
        let inside = try authority.ask(port: self.port(cluster.center), path: "/v1/quota", as: local)
        #expect(inside.contains("HTTP/1.1 200"), "\(inside)")
        let beside = try authority.ask(
            port: self.port(cluster.units[0].internalURL), path: "/internal/v1/refunds", as: authority.folder)
        #expect(beside.contains("HTTP/1.1 403") && beside.contains("wrong_role"), "\(beside)")
        // Buyers connect without TLS: a proxy in front ends theirs.
        let buyers = try await plain.send(CurlRequest("GET", "\(cluster.units[0].url)/v1/lots/1"))
        #expect(buyers.status == 200)
    }

    @Test("a list of operators that is lost makes nobody an admin: only whom it names again may do anything")
    func lostListOpensNothing() async throws {
        let authority = try TestAuthority()
        let cluster = try await self.start(authority)
        defer { cluster.stop() }
        func status() async throws -> Int {
            try await cluster.call("GET", "\(cluster.center)/v1/quota", secret: nil, body: nil).status
        }
        #expect(try await status() == 200)
        // Of the same authority, but not in the list that the cluster began with.
        let other = try authority.ask(port: self.port(cluster.center), path: "/v1/quota", as: authority.folder)
        #expect(other.contains("HTTP/1.1 403") && other.contains("unknown_operator"), "\(other)")

        cluster.signalAll("tranche-config-center", SIGKILL)
        try FileManager.default.removeItem(atPath: ClusterFolder(path: cluster.folder).operators)
        let center = try ChildProcess(
            TestCluster.program("tranche-config-center").path, ["--config", cluster.folder + "/center/center.yaml"],
            environment: ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") },
            log: cluster.folder + "/center/log")
        defer {
            center.send(SIGTERM)
            _ = center.wait()
        }
        try await eventually("the refusal") { (try? await status()) == 403 }
        #expect(try cluster.run(["operator", "add", "ann", "--role", "viewer"]).status == 0)
        try await eventually("the cluster's own operator") { try await status() == 200 }
    }

    @Test("callers trust only their own authority, and only for the name that they call")
    func callersTrustOnlyTheirAuthority() async throws {
        let (authority, stranger) = (try TestAuthority(), try TestAuthority())
        let cluster = try await self.start(authority)
        defer { cluster.stop() }
        let health = "\(cluster.center)/healthz"
        let own = CurlClient(tls: authority.client)
        defer { own.stop() }
        #expect(try await own.send(CurlRequest("GET", health)).status == 200)
        let trusting = authority.client
        let doubter = CurlClient(
            tls: ClientTLS(
                certificate: trusting.certificate, key: trusting.key, authority: stranger.folder + "/ca.pem"))
        defer { doubter.stop() }
        // The certificate is for 127.0.0.1, and the server behind the other name is the same one.
        let other = health.replacing("127.0.0.1", with: "localhost")
        for (client, url) in [(doubter, health), (own, other)] {
            let error = await #expect(throws: CurlError.self) { _ = try await client.send(CurlRequest("GET", url)) }
            // Not just any failure: the connection was there.
            #expect(error?.description.contains("certificate") == true, "\(url): \(error?.description ?? "")")
        }
    }

    @Test("a process with TLS makes no call without TLS, even to an address that it gets from a peer")
    func tlsProcessNeverCallsInClear() async throws {
        let authority = try TestAuthority()
        let file = authority.folder + "/tls.yaml"
        let text =
            "tls:\n  certificate: \"\(authority.folder)/cert.pem\"\n  key: \"\(authority.folder)/key.pem\"\n"
            + "  authority: \"\(authority.folder)/ca.pem\"\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        let values = try await DaemonConfiguration(path: file)
        let error = #expect(throws: StartError.self) { try TransportConfiguration(values, role: .unit, name: "a") }
        #expect(error?.description.contains("names spiffe://test.example/operator/test, but this process is") == true)
        let transport = try TransportConfiguration(values, role: .operator)
        #expect(transport.scheme == "https")
        #expect(throws: StartError.self) { try transport.check("center.url", url: "http://127.0.0.1:1") }
        #expect(throws: Never.self) { try transport.check("center.url", url: "https://center.example") }
        let center = try LoneDaemon("tranche-config-center", section: "center")
        defer { center.stop() }
        try await center.start([:])
        let (careless, strict) = (CurlClient(), CurlClient(tls: transport.client))
        defer { for client in [careless, strict] { client.stop() } }
        #expect(try await careless.send(CurlRequest("GET", center.url + "/healthz")).status == 200)
        await #expect(throws: CurlError.self) { _ = try await strict.send(CurlRequest("GET", center.url + "/healthz")) }
    }
}
