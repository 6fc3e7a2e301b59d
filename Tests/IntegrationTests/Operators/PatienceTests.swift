import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// Commands that do not get their answer, or not yet.
@Suite("Waiting commands", .serialized, .timeLimit(.minutes(3))) struct PatienceTests {
    @Test("an act without an answer names the key for a repetition, and happens once")
    func unansweredActCanBeRepeatedByKey() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        // The center has the request in its socket, and acts on it when it goes on.
        cluster.signal("tranche-config-center", "center/center.yaml", SIGSTOP)
        let first = try cluster.run(["stock", "add", "1", "7"])
        cluster.signal("tranche-config-center", "center/center.yaml", SIGCONT)
        #expect(first.status != 0)
        #expect(first.output.contains("may have carried out the act"), "\(first.output)")
        let key = try #require(try /--key ([0-9a-f]+)/.firstMatch(in: first.output), "\(first.output)")
        for _ in 0..<2 {
            let again = try cluster.run(["stock", "add", "1", "7", "--key", String(key.output.1)])
            #expect(again.status == 0, "\(again.output)")
        }
        #expect(try await cluster.quota().lots[0].issued == 37)
    }

    @Test("load waits for the opening; it fails if no buyer got an answer, or if the sale is over")
    func loadWaitsForTheOpening()
        async throws
    {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        #expect(try cluster.run(["sale", "create", "later", "--lot", "2", "--stock", "30"]).status == 0)
        #expect(try cluster.run(["sale", "warm", "later"]).status == 0)
        #expect(try cluster.run(["sale", "open", "later", "--delay", "3", "--no-wait"]).status == 0)
        let loaded = try cluster.run(["load", "later", "--buyers", "20", "--seconds", "0.5"])
        #expect(loaded.status == 0 && loaded.output.contains("waiting for the opening"), "\(loaded.output)")
        #expect(loaded.output.contains("orders 20"), "\(loaded.output)")

        cluster.signalAll("tranche-unit", SIGKILL)
        let nobody = try cluster.run(["load", "later", "--buyers", "5", "--seconds", "0.2", "--patience", "1"])
        #expect(nobody.status == 1 && nobody.output.contains("5 buyers gave up"), "\(nobody.output)")

        #expect(try cluster.run(["sale", "close", "later"]).status == 0)
        let over = try cluster.run(["load", "later", "--buyers", "5", "--seconds", "0.2"])
        #expect(over.status == 1 && over.output.contains("it takes no orders"), "\(over.output)")
    }
}
