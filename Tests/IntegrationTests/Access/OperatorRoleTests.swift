import CurlClient
import DaemonSupport
import Foundation
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Operators with names and roles, at a real center.
@Suite("Operators and roles", .timeLimit(.minutes(3))) struct OperatorRoleTests {
    private let admin = Secret.random()
    private let curl = CurlClient()

    /// The role that each address needs, written a second time.
    private static let needed: [String: OperatorRole] = [
        "POST /v1/plan": .viewer, "POST /v1/sales": .admin, "PUT /v1/sales/{sale}": .admin,
        "DELETE /v1/sales/{sale}": .admin,
        "PUT /v1/sales/{sale}/blocked/{buyer}": .operator, "DELETE /v1/sales/{sale}/blocked/{buyer}": .operator,
        "PUT /v1/sales/{sale}/second-rounds/{next}": .admin, "PUT /v1/sales/{sale}/holds/{step}": .operator,
        // The table of addresses releases "pause", which is no step that operators may take.
        "DELETE /v1/sales/{sale}/holds/{step}": .admin, "PUT /v1/sales/{sale}/units/{unit}": .admin,
        "POST /v1/sales/{sale}/revocations": .operator, "PUT /v1/sales/{sale}/variants": .admin,
        "PUT /v1/sales/{sale}/staged": .admin, "POST /v1/sales/{sale}/staged/{act}": .admin,
        "POST /v1/lots/{lot}/stock": .operator, "POST /v1/lots/{lot}/freeze": .admin,
        "POST /v1/quota/moves": .operator, "POST /v1/quota/settle": .admin, "POST /v1/config/rollback": .admin,
        "POST /v1/proposals/{proposal}/approve": .admin, "POST /v1/proposals/{proposal}/withdraw": .admin,
        // The table of addresses pauses a sale, and strands a unit; the other steps and actions are below.
        "POST /v1/sales/{sale}/{step}": .operator, "POST /v1/units/{unit}/{action}": .admin,
    ]

    /// A center with a list of operators.
    private final class Center {
        let daemon: LoneDaemon
        let list: String
        var url: String { self.daemon.url }

        init() throws {
            self.list = try TemporaryFolder.make() + "/operators"
            self.daemon = try LoneDaemon(
                "tranche-config-center", section: "center", settings: "operators:\n  file: \"\(self.list)\"\n")
        }

        func command(_ arguments: [String]) throws -> String {
            let result = try TestCluster.run(
                "tranche", ["operator"] + arguments + ["--file", self.list, "--json"])
            guard result.status == 0 else { throw TestFailure("\(arguments): \(result.output)") }
            return result.output
        }
    }

    private struct Shown: Decodable {
        let credential: String
    }

    private func add(_ name: String, _ role: OperatorRole, to center: Center) throws -> String {
        let output = try center.command(["add", name, "--role", role.rawValue])
        return try JSONDecoder().decode(Shown.self, from: Data(output.utf8)).credential
    }

    private func call(
        _ center: Center, _ method: String, _ path: String, _ secret: String, _ headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) async throws -> CurlResponse {
        try await self.curl.send(
            CurlRequest(
                method, path.hasPrefix("/") ? center.url + path : path,
                headers: ["Authorization": "Bearer \(secret)"].merging(headers) { $1 },
                body: body ?? (method == "GET" ? nil : [])))
    }

    private func code(_ response: CurlResponse) -> String {
        (try? JSON.decode(Problem.self, from: response.body))?.code ?? ""
    }

    private func trail(_ center: Center) async throws -> [AuditLine] {
        let response = try await self.call(center, "GET", "/v1/audit", self.admin)
        return try JSON.decode([AuditLine].self, from: response.body)
    }

    @Test("every operators' address is open to the roles that may use it, and to no other")
    func addressesOpenByRole() async throws {
        let center = try Center()
        try await center.daemon.start(["TRANCHE_ADMIN_SECRET": self.admin])
        defer { center.daemon.stop() }
        var keys: [(role: OperatorRole, secret: String)] = [(.admin, self.admin)]
        for role in OperatorRole.allCases {
            keys.append((role, try self.add("the-\(role.rawValue)", role, to: center)))
        }
        let last = keys[3].secret
        // No restart: the list is read when it is there.
        try await eventually("list of operators") {
            try await self.call(center, "GET", "/v1/operator", last).status == 200
        }
        var doors: [(method: String, url: String, needed: OperatorRole?, name: String)] = []
        for door in AccessDoor.operatorDoors(center.url) {
            let name = "\(door.method) \(door.path)"
            let reading: OperatorRole? = door.method == "GET" ? .viewer : nil
            doors.append((door.method, door.url, Self.needed[name] ?? reading, name))
        }
        for step in SaleState.Step.allCases {
            let role: OperatorRole = [.close, .settle].contains(step) ? .admin : .operator
            doors.append(("POST", center.url + "/v1/sales/test/\(step.rawValue)", role, "\(step)"))
        }
        for step in SaleSchedule.Step.allCases {
            let role: OperatorRole = [.close, .settle].contains(step) ? .admin : .operator
            doors.append(("PUT", center.url + "/v1/sales/test/holds/\(step.rawValue)", .operator, "hold \(step)"))
            doors.append(("DELETE", center.url + "/v1/sales/test/holds/\(step.rawValue)", role, "release \(step)"))
        }
        for action in ["drain", "undrain", "strand", "remove"] {
            doors.append(("POST", center.url + "/v1/units/77/\(action)", .admin, action))
        }
        for (method, url, needed, name) in doors {
            let needed = try #require(needed, "\(name) has no role in this table")
            for key in keys {
                let response = try await self.call(center, method, url, key.secret)
                let rank = OperatorRole.allCases.firstIndex(of: key.role) ?? 0
                if rank >= OperatorRole.allCases.firstIndex(of: needed) ?? 0 {
                    #expect(![401, 403].contains(response.status), "\(name) as \(key.role): \(response.status)")
                } else {
                    #expect(response.status == 403, "\(name) as \(key.role): \(response.status)")
                    #expect(self.code(response) == "needs_\(needed.rawValue)", "\(name) as \(key.role)")
                }
            }
        }
    }

    @Test("an opening is forced by admins alone") func adminsForceOpenings() async throws {
        let center = try Center()
        let ann = try self.add("ann", .operator, to: center)
        try await center.daemon.start(["TRANCHE_ADMIN_SECRET": self.admin])
        defer { center.daemon.stop() }
        for (secret, body, status) in [
            (ann, "{}", 404), (ann, "{\"force\":false}", 404), (ann, "{\"force\":true}", 403),
            (self.admin, "{\"force\":true}", 404),
        ] {
            let headers = ["If-Match": "\"0\"", "Content-Type": "application/json"]
            let response = try await self.call(
                center, "POST", "/v1/sales/test/open", secret, headers, body: Array(body.utf8))
            // There is no sale: whoever may open it learns that.
            #expect(response.status == status, "\(body): \(response.status)")
            if status == 403 { #expect(self.code(response) == "needs_admin") }
        }
    }

    @Test("a credential is shown once, counts until it is replaced, and a bad list changes nothing")
    func credentialsComeAndGo() async throws {
        let center = try Center()
        try await center.daemon.start(["TRANCHE_ADMIN_SECRET": self.admin])
        defer { center.daemon.stop() }
        func status(_ secret: String) async throws -> Int {
            try await self.call(center, "GET", "/v1/operator", secret).status
        }
        let first = try self.add("ann", .viewer, to: center)
        #expect(first.utf8.count == 64)
        #expect(try !String(contentsOfFile: center.list, encoding: .utf8).contains(first))
        #expect(try !center.command(["list"]).contains(first))
        try await eventually("first credential") { try await status(first) == 200 }
        let document = try JSON.decode(
            OperatorDocument.self, from: try await self.call(center, "GET", "/v1/operator", first).body)
        #expect((document.name, document.role, document.may) == ("ann", .viewer, [.read]))

        let replaced = try center.command(["replace", "ann"])
        let second = try JSONDecoder().decode(Shown.self, from: Data(replaced.utf8)).credential
        try await eventually("second credential") { try await status(second) == 200 }
        #expect(try await status(first) == 401)
        // A list that cannot be read removes nobody.
        try Data("ann boss -\n".utf8).write(to: URL(fileURLWithPath: center.list), options: .atomic)
        try await eventually("refusal of the list") {
            let metrics = try await self.call(center, "GET", "/metrics", second)
            return String(decoding: metrics.body, as: UTF8.self).contains("tranche_operators_refused 1")
        }
        #expect(try await status(second) == 200)
        try Data("\n".utf8).write(to: URL(fileURLWithPath: center.list), options: .atomic)
        try await eventually("end of ann") { try await status(second) == 401 }
        #expect(try await status(self.admin) == 200)
    }

    @Test("acts and refused attempts are in the trail under the proven name, and a stranger's many have few lines")
    func trailHasNames() async throws {
        let center = try Center()
        let ann = try self.add("ann", .viewer, to: center)
        try await center.daemon.start(["TRANCHE_ADMIN_SECRET": self.admin])
        defer { center.daemon.stop() }
        // Nobody takes another one's name by saying it.
        let headers = ["X-Tranche-Actor": "bob", "If-Match": "\"0\""]
        #expect(try await self.call(center, "POST", "/v1/sales/test/close", ann, headers).status == 403)
        let line = try #require(try await self.trail(center).first)
        #expect((line.actor, line.action) == ("ann", "refused"))
        #expect(line.detail.hasPrefix("needs_admin: POST /v1/sales/test/close"))
        // A wrong credential with an unknown name, or without a name, has no line.
        let before = try await self.trail(center).count
        for name in ["stranger", ""] {
            let refused = try await self.call(
                center, "GET", "/v1/quota", Secret.random(), name.isEmpty ? [:] : ["X-Tranche-Actor": name])
            #expect(refused.status == 401)
        }
        #expect(try await self.trail(center).count == before)
        for _ in 0..<40 {
            _ = try await self.call(center, "GET", "/v1/quota", Secret.random(), ["X-Tranche-Actor": "ann"])
        }
        let lines = try await self.trail(center)
        #expect(lines.count == before + 10)
        #expect(lines.first?.actor == "somebody as ann" && lines.first?.detail.hasPrefix("bad_credential") == true)
        // The strangers' share is used up, and ann's own attempts are written all the same.
        #expect(try await self.call(center, "POST", "/v1/sales/test/settle", ann, headers).status == 403)
        #expect(try await self.trail(center).first?.actor == "ann")
        let page = try JSON.decode(
            AuditPage.self, from: try await self.call(center, "GET", "/v1/audit/chain?after=0", self.admin).body)
        var check = AuditCheck()
        for line in page.lines { check.add(line) }
        check.end(page.head)
        #expect(check.findings.isEmpty && check.last.position == Int64(before + 11))
        #expect(try await self.call(center, "GET", "/v1/audit/chain?after=-1", self.admin).status == 400)
    }
}
