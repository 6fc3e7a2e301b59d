import CurlClient
import DaemonSupport
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// A demo whose console stays open.
@Suite("Demo with its console", .serialized, .timeLimit(.minutes(3))) struct DemoWatchTests {
    @Test("its operator gets in, also after the sale, and the verdict comes with the end") func consoleStays()
        async throws
    {
        let folder = try TemporaryFolder.make()
        let (log, data) = (folder + "/log", folder + "/data")
        let demo = try ChildProcess(
            TestCluster.program("tranche").path,
            ["demo", "--watch", "--stock", "60", "--buyers", "200", "--seconds", "3", "--data", data],
            environment: ProcessInfo.processInfo.environment, log: log)
        defer { demo.crash() }
        func said() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
        try await eventually("the end of the sale", seconds: 120) { said().contains("the sale is over") }
        let address = try #require(try /address +(http:[^\s]+)\/console\n/.firstMatch(in: said())?.output.1)
        let credential = try #require(try /credential +([0-9a-f]{64})\n/.firstMatch(in: said())?.output.1)
        #expect(!said().contains("Verdict") && demo.isRunning)
        let headers = ["Authorization": "Bearer \(credential)"]
        let curl = CurlClient()
        let who = try await curl.send(CurlRequest("GET", address + "/v1/operator", headers: headers))
        #expect(try JSON.decode(OperatorDocument.self, from: who.body).name == "demo")
        let pictures = try await curl.send(CurlRequest("GET", address + "/v1/console/events?count=1", headers: headers))
        #expect(String(decoding: pictures.body, as: UTF8.self).contains("\"sale\":\"demo\""))
        demo.send(SIGINT)
        try await eventually("the verdict", seconds: 60) { !demo.isRunning }
        #expect(demo.ending == .exited(code: 0), "\(said())")
        #expect(said().contains("Verdict") && said().contains("PASS"))
    }

    @Test("it is for a person, at one center that stays", arguments: ["--alone", "--machines", "--json"])
    func othersAreRefused(_ option: String) throws {
        let result = try TestCluster.run("tranche", ["demo", "--watch", option])
        #expect(result.status == 64)
        #expect(result.output.contains("--watch is for a person"))
    }
}
