import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// The way of a buyer without JavaScript, over real forms.
@Suite("Plain forms of a gate") struct PlainFormTests {
    /// A browser as far as forms need one: it keeps cookies, and sends the fields that a page has.
    private final class Browser {
        let cluster: TestCluster
        let gate: String
        private var cookies: [String: String] = [:]
        private(set) var page = ""

        init(_ cluster: TestCluster) { (self.cluster, self.gate) = (cluster, cluster.gates[0]) }

        func open(_ path: String) async throws -> Int { try await self.call("GET", path, nil) }

        /// Presses the only button of the form that goes to an address with this end.
        func press(_ end: String, _ typed: [String: String] = [:], origin: String? = nil) async throws -> Int {
            let form = try #require(
                self.page.split(separator: "<form ").dropFirst().map(String.init).first {
                    $0.prefix { $0 != ">" }.contains("\(end)\"")
                }, "no form for \(end) in \(self.page)")
            var fields: [String: String] = [:]
            for match in form.matches(of: /type="hidden" name="([^"]*)" value="([^"]*)"/) {
                fields[String(match.1)] = String(match.2)
            }
            fields.merge(typed) { $1 }
            let action = try #require(form.firstMatch(of: /action="([^"]*)"/)).1
            let body = fields.map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }.joined(separator: "&")
            return try await self.call("POST", String(action), body, origin: origin ?? self.gate)
        }

        private func call(_ method: String, _ path: String, _ body: String?, origin: String? = nil) async throws -> Int
        {
            var headers = ["Cookie": self.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")]
            if body != nil { headers["Content-Type"] = "application/x-www-form-urlencoded" }
            if let origin { headers["Origin"] = origin }
            let response = try await self.cluster.call(
                method, self.gate + path, secret: nil, body: body.map { Array($0.utf8) }, headers: headers)
            if let cookie = response.headers["set-cookie"]?.prefix(while: { $0 != ";" }).split(separator: "=") {
                self.cookies[String(cookie[0])] = cookie.dropFirst().joined(separator: "=")
            }
            self.page = String(decoding: response.body, as: UTF8.self)
            return response.status
        }

        private static func encoded(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        }
    }

    @Test("a buyer without JavaScript signs in, waits for the clock, and orders") func ordersByForms() async throws {
        let rules = "{\"challenge\":\"work\",\"minimumAnswerMilliseconds\":500,\"clockMilliseconds\":1500}"
        let cluster = try await TestCluster.start(stock: 30, limit: 1, contest: ["--gate", try GateTests.rules(rules)])
        defer { cluster.stop() }
        let browser = Browser(cluster)
        try await eventually("an open gate") { try await TestGate(cluster).status().phase == .open }

        #expect(try await browser.open("/sales/test/plain") == 200)
        #expect(try await browser.press("/sign-in", ["name": "ann"], origin: "https://elsewhere.example") == 403)
        #expect(browser.page.contains("foreign_form"))
        #expect(try await browser.open("/sales/test/plain") == 200)
        #expect(try await browser.press("/sign-in", ["name": "ann"]) == 200)
        #expect(try await browser.open("/sales/test/plain/1") == 200)
        #expect(try await browser.press("/challenge") == 200)
        #expect(try await browser.press("/token") == 200)
        #expect(browser.page.contains("Please wait"), "too early: nothing is spent")
        for time in [Int64.min, .max] {
            #expect(try await browser.press("/token", ["readyAt": "\(time)"]) == 200)
            #expect(browser.page.contains("Please wait"), "a time in a form is anybody's: \(time)")
        }
        // The time itself is what counts here: the clock's challenge may be answered after 1.5 s.
        try await Task.sleep(for: .milliseconds(1_600))
        #expect(try await browser.press("/token") == 200)
        #expect(try await browser.press("/order", ["quantity": "1"]) == 200)
        try await eventually("a report of the order") {
            try await cluster.quota().lots[0].units.reduce(0) { $0 + $1.live } == 1
        }
    }
}
