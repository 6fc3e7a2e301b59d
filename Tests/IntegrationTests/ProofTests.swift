import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// What the simulator and the checks promise.
@Suite("Proofs", .timeLimit(.minutes(3))) struct ProofTests {
    struct Summary: Decodable { let digests: [String: String] }

    @Test("fifty worlds run in the same way in two processes") func worldsRunAlikeInTwoProcesses() async throws {
        let arguments = ["simulate", "--seeds", "0..49", "--digests", "--json", "--jobs"]
        // Hashes of sets and dictionaries differ from process to process: a world that depends on their order fails
        // here.
        let runs = try ["1", "2"].map { jobs in try TestCluster.run("tranche", arguments + [jobs]) }
        let digests = try runs.map { run in
            #expect(run.status == 0)
            let start = try #require(run.output.firstIndex(of: "{"))
            return try JSON.decode(Summary.self, from: run.output[start...].utf8).digests
        }
        #expect(digests[0].count == 50)
        #expect(digests[0] == digests[1])
    }

    @Test("a run that never gets into trouble, or breaks an invariant, fails")
    func quietOrBrokenRunFails() throws {
        let planted = try TestCluster.run("tranche", ["simulate", "--seeds", "0", "--plant", "grantsAsDeltas"])
        #expect(planted.status == 2)
        #expect(planted.output.contains("repeat with: tranche simulate --seeds 0..0 --trace --plant grantsAsDeltas"))
        let unknown = try TestCluster.run("tranche", ["simulate", "--plant", "nothing"])
        #expect(unknown.status == 64)
    }

    @Test("every server serves the contract, and says which methods an address takes")
    func everyServerServesTheContract() async throws {
        let cluster = try await TestCluster.start(stock: 10, limit: 1)
        defer { cluster.stop() }
        let document = try String(contentsOfFile: "Sources/DaemonSupport/HTTP/openapi.yaml", encoding: .utf8)
        let outside = try await cluster.call("GET", cluster.units[0].url + "/openapi.yaml", secret: nil, body: nil)
        #expect(outside.status == 404)
        for server in [cluster.units[0].internalURL, cluster.center] {
            let served = try await cluster.call("GET", server + "/openapi.yaml", secret: nil, body: nil)
            #expect(String(decoding: served.body, as: UTF8.self) == document)
        }
        let wrong = try await cluster.call("DELETE", cluster.units[0].url + "/v1/lots/1", secret: nil, body: nil)
        #expect(wrong.status == 405)
        #expect(wrong.headers["allow"] == "GET, HEAD")
        #expect(try JSON.decode(Problem.self, from: wrong.body).code == "wrong_method")
        let unknown = try await cluster.call("GET", cluster.units[0].url + "/v1/nothing", secret: nil, body: nil)
        #expect(unknown.status == 404)
    }

    @Test("the center checks units' messages: addresses and limits") func centerChecksMessages() async throws {
        let cluster = try await TestCluster.start(stock: 10, limit: 1)
        defer { cluster.stop() }
        let base = cluster.center + "/internal/v1"
        let unit = cluster.units[0]
        let secret = cluster.secret("TRANCHE_UNIT_SECRET", of: unit)
        let register = try await cluster.call(
            "POST", base + "/units/1/register", secret: secret, body: Self.registration)
        #expect(register.status == 421)
        let wait = try await cluster.call("GET", base + "/units/1/config?wait=26", secret: secret, body: nil)
        #expect(wait.status == 400)
        #expect(try JSON.decode(Problem.self, from: wait.body).detail.contains("26"))
        let report = try await cluster.call(
            "POST", base + "/units/1/report", secret: secret,
            body: JSON.encode(Self.report(granted: Limits.counter + 1)))
        #expect(report.status == 400)
        #expect(try JSON.decode(Problem.self, from: report.body).code == "invalid_message")
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: LotID(1), granted: -1, hint: nil, elsewhere: 0)])
        let push = try await cluster.call(
            "POST", unit.internalURL + "/internal/v1/quota", secret: cluster.secret("TRANCHE_CENTER_SECRET", of: unit),
            body: JSON.encode(directives))
        #expect(push.status == 400)
    }

    private static var registration: [UInt8] {
        JSON.encode(
            RegisterEnvelope(
                request: RegisterRequest(
                    unit: UnitID(9), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1),
                    head: .empty, session: 1, answer: nil), name: "x", region: "x", publicURL: "http://x",
                internalURL: "http://x"))
    }

    private static func report(granted: Int) -> ReportEnvelope {
        let lot = UnitReport.Lot(
            lot: LotID(1), counters: QuotaCounters(granted: granted), offered: 0, starved: 0, hintDone: 0,
            isPrimed: true,
            paid: 0)
        let report = UnitReport(
            unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1), session: 1,
            head: .empty, nonce: 1, lots: [lot])
        return ReportEnvelope(report: report, configVersion: 1, clock: ClockDocument(ClockCheck(), refusedFences: 0))
    }
}
