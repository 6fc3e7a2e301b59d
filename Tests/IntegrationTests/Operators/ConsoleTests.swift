import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// The operators' console at a real center.
@Suite("Console", .timeLimit(.minutes(3))) struct ConsoleTests {
    private let secret = Secret.random()
    private let curl = CurlClient()

    private func start() async throws -> LoneDaemon {
        let center = try LoneDaemon("tranche-config-center", section: "center")
        try await center.start(["TRANCHE_ADMIN_SECRET": self.secret])
        return center
    }

    private func get(_ center: LoneDaemon, _ path: String, _ secret: String? = nil) async throws -> CurlResponse {
        let headers = secret.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        return try await self.curl.send(CurlRequest("GET", center.url + path, headers: headers))
    }

    private func figure(_ name: String, of center: LoneDaemon) async throws -> Int? {
        let text = String(decoding: try await self.get(center, "/metrics").body, as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) }.map { Int($0) }
    }

    @Test("the files need no credential, hold no data, and run no code that is not in them")
    func filesAreGuarded() async throws {
        let center = try await self.start()
        defer { center.stop() }
        let page = try await self.get(center, "/console")
        #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.headers["cache-control"] == "no-cache")
        let html = String(decoding: page.body, as: UTF8.self)
        #expect(!html.contains("{{") && !html.contains(self.secret))
        let names = html.matches(of: /"(\/console\/assets\/[a-z0-9.]+)"/).map { String($0.output.1) }
        #expect(names.count == 8)
        for name in names {
            let file = try await self.get(center, name)
            #expect(file.status == 200 && !file.body.isEmpty, "\(name)")
            #expect(file.headers["cache-control"] == "public, max-age=31536000, immutable")
            try self.checkGuards(file)
        }
        try self.checkGuards(page)
        #expect(html.firstMatch(of: /<script(?![^>]*src=)|<style|style=| on[a-z]+=/) == nil)
        #expect(try await self.get(center, "/console/assets/none.js").status == 404)
    }

    private func checkGuards(_ answer: CurlResponse) throws {
        let policy = try #require(answer.headers["content-security-policy"])
        for part in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"] {
            #expect(policy.contains(part), "\(policy)")
        }
        #expect(!policy.contains("unsafe"))
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(answer.headers["referrer-policy"] == "no-referrer")
        #expect(answer.headers["cross-origin-opener-policy"] == "same-origin")
    }

    @Test("the stream is for operators, and ends after as many pictures as were asked for")
    func streamEndsAfterItsPictures() async throws {
        let center = try await self.start()
        defer { center.stop() }
        for secret in [nil, Secret.random()] {
            let refused = try await self.get(center, "/v1/console/events", secret)
            #expect(refused.status == 401)
        }
        // Nobody watches: no picture was made.
        #expect(try await self.figure("tranche_console_pictures_total", of: center) == nil)
        let stream = try await self.get(center, "/v1/console/events?count=2", self.secret)
        #expect(stream.status == 200 && stream.headers["content-type"] == "text/event-stream")
        #expect(stream.headers["cache-control"] == "no-store")
        let events = String(decoding: stream.body, as: UTF8.self).components(separatedBy: "\n\n")
        #expect(events.count == 3 && events.last == "")
        for event in events.dropLast() {
            let data = try #require(event.firstMatch(of: /^event: picture\ndata: (.+)$/)?.output.1)
            let picture = try JSON.decode(ConsolePicture.self, from: Array(data.utf8))
            #expect(picture.lots.isEmpty && picture.alarms.isEmpty && picture.epoch > Epoch(0))
        }
        for count in ["0", "301", "x"] {
            #expect(try await self.get(center, "/v1/console/events?count=\(count)", self.secret).status == 400)
        }
    }

    private func freeze(_ center: LoneDaemon, _ fields: [String: String]) async throws -> Problem {
        let headers = fields.merging(["Authorization": "Bearer \(self.secret)"]) { $1 }
        let request = CurlRequest(
            "POST", center.url + "/v1/lots/1/freeze", headers: headers, body: JSON.encode(FreezeBody(frozen: true)))
        return try JSON.decode(Problem.self, from: try await self.curl.send(request).body)
    }

    @Test("an act that another site's page sends through an operator's browser is refused")
    func foreignActsAreRefused() async throws {
        let center = try await self.start()
        defer { center.stop() }
        for fields in [
            ["Origin": "https://evil.example"], ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"],
            ["Origin": "null"], ["Origin": center.url, "Sec-Fetch-Site": "cross-site"],
        ] {
            let problem = try await self.freeze(center, fields)
            #expect(problem.status == 403 && problem.code == "foreign_page", "\(fields)")
        }
        // There is no such lot: the act came through.
        for fields in [[:], ["Origin": center.url], ["Origin": center.url, "Sec-Fetch-Site": "same-origin"]] {
            #expect(try await self.freeze(center, fields).code == "unknown_lot", "\(fields)")
        }
        let headers = ["Authorization": "Bearer \(self.secret)", "Origin": "https://evil.example"]
        let reading = CurlRequest("GET", center.url + "/v1/units", headers: headers)
        #expect(try await self.curl.send(reading).status == 200)
    }

    @Test("a unit that reports is not stranded where only a silent one may be")
    func reportingUnitIsNotStranded() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        func strand(_ body: String) async throws -> CurlResponse {
            try await cluster.call(
                "POST", "\(cluster.center)/v1/units/\(unit.id)/strand",
                secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: Array(body.utf8))
        }
        #expect(try await strand(#"{"onlySilent":"yes"}"#).status == 400)
        let refused = try await strand(#"{"onlySilent":true}"#)
        #expect(refused.status == 409)
        #expect(try JSON.decode(Problem.self, from: refused.body).code == "unit_reports")
        #expect(try await cluster.quota().lots.allSatisfy { $0.stranded == 0 })
        // Whoever does not ask for that strands any unit.
        #expect(try await strand("{}").status == 200)
    }

    @Test("one watcher too many is refused, until another one goes") func watchersAreLimited() async throws {
        let center = try await self.start()
        defer { center.stop() }
        let port = try #require(URL(string: center.url)?.port)
        let ask = "GET /v1/console/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(self.secret)\r\n\r\n"
        var watchers: [RawConnection] = []
        for _ in 0..<256 {
            let watcher = try RawConnection(port)
            try await watcher.send(ask)
            watchers.append(watcher)
        }
        try await eventually("256 watchers") {
            try await self.figure("tranche_console_watchers", of: center) == 256
        }
        let refused = try await self.get(center, "/v1/console/events?count=1", self.secret)
        #expect(refused.status == 503 && refused.headers["retry-after"] == "5")
        #expect(try JSON.decode(Problem.self, from: refused.body).code == "too_many_watchers")
        // Each of them gets pictures.
        try await eventually("a picture for all") { watchers.allSatisfy { $0.peek.contains("event: picture") } }
        watchers.removeLast()
        try await eventually("a free place") {
            try await self.get(center, "/v1/console/events?count=1", self.secret).status == 200
        }
    }
}
