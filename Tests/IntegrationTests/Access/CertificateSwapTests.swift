import CurlClient
import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Certificates that are replaced while real processes sell.
@Suite("Access by certificate: replacement", .serialized, .timeLimit(.minutes(4))) struct CertificateSwapTests {
    private func serial(_ folder: String) throws -> String {
        try TestAuthority.shell("\(TestAuthority.openssl) x509 -in \(folder)/cert.pem -noout -serial").output
    }

    /// The serial number of the certificate that a server shows to a new connection.
    private func shown(_ url: String, _ caller: String) throws -> String {
        let port = URL(string: url)?.port ?? 0
        return try TestAuthority.shell(
            "\(TestAuthority.openssl) s_client -connect 127.0.0.1:\(port) -cert \(caller)/cert.pem "
                + "-key \(caller)/key.pem </dev/null 2>/dev/null | \(TestAuthority.openssl) x509 -noout -serial"
        ).output
    }

    private func metric(_ name: String, _ text: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Double($0.split(separator: " ")[1]) }
    }

    /// Replaces every certificate of the cluster, as an operator would.
    private func swapAll(_ cluster: TestCluster, _ authority: String) throws {
        let base = cluster.folder + "/tls"
        let names = try FileManager.default.contentsOfDirectory(atPath: base).filter { $0.contains("-") }
        #expect(names.count >= 8, "\(names)")
        for name in names {
            let parts = name.split(separator: "-", maxSplits: 1).map(String.init)
            let said = try TestCluster.run(
                "tranche",
                ["ca", "issue", authority] + parts + ["--host", "127.0.0.1", "--force", "--out", "\(base)/\(name)"])
            #expect(said.status == 0, "\(name): \(said.output)")
        }
    }

    @Test("every certificate is replaced twice under load, and no request fails")
    func certificatesAreReplacedUnderLoad() async throws {
        let authority = try TemporaryFolder.make() + "/authority"
        let made = try TestCluster.run("tranche", ["ca", "init", authority, "--domain", "shop.example"])
        try #require(made.status == 0, "\(made.output)")
        let cluster = try await TestCluster.start(
            stock: 60_000, limit: 1, windowMilliseconds: 600_000, options: ["--tls", authority])
        defer { cluster.stop() }
        let caller = cluster.folder + "/tls/monitor-local"
        let servers =
            [("center-center", cluster.center), ("coordinator-first", cluster.coordinator)]
            + cluster.units.map { ("unit-\($0.name)", $0.internalURL) }
        let tally = Tally()
        let buyers = cluster.units.map { unit in
            Buyers(
                curl: cluster.curl, url: unit.url, unit: unit.id,
                codec: TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")), tally: tally)
        }
        let question = Question(curl: cluster.curl, url: cluster.center + "/v1/quota", tally: tally)
        let load = Task {
            await withDiscardingTaskGroup { group in
                for one in buyers { group.addTask { await one.buy() } }
                group.addTask { await question.ask() }
            }
        }
        for _ in 0..<2 {
            let before = try servers.map { try self.shown($0.1, caller) }
            try self.swapAll(cluster, authority)
            for (place, (folder, url)) in servers.enumerated() {
                let expected = try self.serial("\(cluster.folder)/tls/\(folder)")
                #expect(expected != before[place])
                try await eventually("new certificate of \(folder)") { try self.shown(url, caller) == expected }
            }
            // Under the new certificates for a while.
            let then = tally.counts.withLockedValue { $0.sold }
            try await eventually("more orders") { tally.counts.withLockedValue { $0.sold } > then + 100 }
        }
        load.cancel()
        await load.value
        let counts = tally.counts.withLockedValue { $0 }
        #expect(counts.failures == [])
        #expect(counts.sold > 200 && counts.asked > 20, "\(counts)")
        // Every unit still reports: its orders reach the center.
        try await cluster.wait(for: "all reports") {
            let units = try await cluster.quota().lots[0].units
            return units.allSatisfy { ($0.silentMilliseconds ?? .max) < 2_000 }
                && units.reduce(0) { $0 + $1.live } >= counts.sold
        }
    }

    @Test("a bad new file takes no good one's place, with a metric, until a good one comes")
    func badFilesAreNotTaken() async throws {
        let authority = try TestAuthority()
        let cluster = try await TestCluster.start(stock: 3, limit: 1, options: ["--tls", authority.folder])
        defer { cluster.stop() }
        let own = "\(cluster.folder)/tls/center-center"
        var good = try self.serial(own)
        let metrics = { () async throws -> String in
            let response = try await cluster.call("GET", "\(cluster.center)/metrics", secret: nil, body: nil)
            return String(decoding: response.body, as: UTF8.self)
        }
        try await eventually("the time left") {
            let left = self.metric("tranche_certificate_seconds_left", try await metrics())
            return left.map { (80_000...86_400).contains($0) } == true
        }
        let names = "IP:127.0.0.1,\(TestAuthority.uri("center", "center"))"
        let stranger = try TestAuthority()
        for bad in [
            try authority.certificate(names, days: -1), try stranger.certificate(names),
            try authority.certificate("IP:127.0.0.1,\(TestAuthority.uri("unit", "center"))"),
        ] {
            for file in ["cert.pem", "key.pem"] { try Self.replace("\(own)/\(file)", "\(bad)/\(file)") }
            try await eventually("the refusal") { self.metric("tranche_certificate_refused", try await metrics()) == 1 }
            #expect(try self.shown(cluster.center, "\(cluster.folder)/tls/monitor-local") == good)
            // A good pair of the same name.
            let next = try authority.certificate(names)
            for file in ["cert.pem", "key.pem"] { try Self.replace("\(own)/\(file)", "\(next)/\(file)") }
            try await eventually("the good one") {
                self.metric("tranche_certificate_refused", try await metrics()) == 0
            }
            let serial = try self.serial(next)
            try await eventually("its use") {
                try self.shown(cluster.center, "\(cluster.folder)/tls/monitor-local") == serial
            }
            good = serial
        }
    }

    private static func replace(_ path: String, _ source: String) throws {
        let temporary = path + ".new"
        try? FileManager.default.removeItem(atPath: temporary)
        try FileManager.default.copyItem(atPath: source, toPath: temporary)
        guard rename(temporary, path) == 0 else { throw TestFailure("rename \(path)") }
    }
}

/// What the load has seen.
private final class Tally: Sendable {
    struct Counts {
        var sold = 0
        var asked = 0
        var failures: [String] = []
    }
    let counts = NIOLockedValueBox(Counts())
}

/// Buyers of one unit, one after another.
private struct Buyers: Sendable {
    let curl: CurlClient
    let url: String
    let unit: UnitID
    let codec: TokenCodec
    let tally: Tally

    func buy() async {
        var number = 0
        while !Task.isCancelled {
            number += 1
            do {
                let status = try await self.order(BuyerID("buyer-\(self.unit)-\(number)")!)
                self.tally.counts.withLockedValue { counts in
                    if status == 201 {
                        counts.sold += 1
                    } else if !Task.isCancelled {
                        counts.failures.append("\(self.url): status \(status)")
                    }
                }
            } catch CurlError.stopped {
                // The end of the test, and no answer of a server.
            } catch { self.tally.counts.withLockedValue { $0.failures.append("\(self.url): \(error)") } }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Repeats a purchase while its unit waits for quota, as buyers do.
    private func order(_ buyer: BuyerID) async throws -> Int {
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        let token = self.codec.mint(
            PurchaseToken(
                order: OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max)),
                lot: LotID(1), home: self.unit, buyer: buyer, issuedAt: now,
                notBefore: now.advanced(milliseconds: -5_000), expiresAt: now.advanced(milliseconds: 60_000)))
        var status = 503
        for _ in 0..<100 where status == 503 {
            let request = CurlRequest(
                "POST", "\(self.url)/v1/lots/1/orders", headers: ["Authorization": "Bearer \(token)"], body: [])
            status = try await self.curl.send(request).status
        }
        return status
    }
}

/// An operator's program that lives long, with the certificate that it had at its start.
private struct Question: Sendable {
    let curl: CurlClient
    let url: String
    let tally: Tally

    func ask() async {
        while !Task.isCancelled {
            do {
                let response = try await self.curl.send(CurlRequest("GET", self.url))
                self.tally.counts.withLockedValue { counts in
                    if response.status == 200 {
                        counts.asked += 1
                    } else {
                        counts.failures.append("\(self.url): status \(response.status)")
                    }
                }
            } catch CurlError.stopped {
                // As above.
            } catch { self.tally.counts.withLockedValue { $0.failures.append("\(self.url): \(error)") } }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
