import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// `tranche plan` with the example of its page.
@Suite("The command for plans", .timeLimit(.minutes(3))) struct PlanCommandTests {
    private struct Judged: Decodable {
        let plan: SalePlan
    }

    private func example() throws -> String {
        let page = try String(contentsOfFile: "docs/plan.md", encoding: .utf8)
        let start = try #require(page.range(of: "```json\n"))
        let end = try #require(page.range(of: "\n```", range: start.upperBound..<page.endIndex))
        return String(page[start.upperBound..<end.lowerBound])
    }

    private func write(_ text: String, _ name: String) throws -> String {
        let path = try TemporaryFolder.make() + "/" + name
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("the example of the page has a plan, and two plans are simulated beside each other")
    func exampleHasPlan() throws {
        let one = try self.write(try self.example(), "one.json")
        let text = try TestCluster.run("tranche", ["plan", one])
        #expect(text.status == 0 && text.output.contains("sold out after"), "\(text.output)")
        let plan = try TestCluster.run("tranche", ["plan", one, "--json"])
        let decoded = try JSON.decode(SalePlan.self, from: plan.output.utf8)
        #expect(decoded.regions.map(\.name) == ["us-east", "eu-west", "ap-south"])
        let larger = try self.write(
            try self.example().replacing("\"stock\": 5000", with: "\"stock\": 6000"), "two.json")
        let both = try TestCluster.run("tranche", ["plan", one, "--against", larger, "--json"])
        #expect(try JSON.decode([Judged].self, from: both.output.utf8).count == 2)
    }

    @Test("a bad value is refused with its name, the value and the limit") func badValueIsRefused() throws {
        let path = try self.write(try self.example().replacing("\"buyers\": 12000", with: "\"buyers\": 0"), "bad.json")
        let run = try TestCluster.run("tranche", ["plan", path])
        #expect(run.status == 1)
        #expect(run.output.contains("crowd.buyers 0 is not in 1...1000000000"), "\(run.output)")
        #expect(try TestCluster.run("tranche", ["plan", path + ".none"]).status == 1)
        let noJSON = try TestCluster.run("tranche", ["plan", try self.write(#"{"sale": 1}"#, "no.json")])
        #expect(noJSON.status == 1 && noJSON.output.contains("no.json: sale: expected"), "\(noJSON.output)")
    }
}
