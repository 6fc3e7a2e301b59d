import ArgumentParser
import Clusters
import Foundation

/// Options that every command shares.
struct CommonOptions: ParsableArguments {
    @Option(help: "The cluster's data folder.") var data = "tranche-data"
    @Flag(help: "Print JSON, for scripts.") var json = false
    @Option(help: "Idempotency key, to repeat an act: with the same key it takes effect once.") var key: String?

    @Option(
        help: "Why: for an approval, for acts that a second person approves, and for a rollout; the audit trail has it."
    )
    var reason: String?

    var folder: ClusterFolder {
        ClusterFolder(path: URL(fileURLWithPath: self.data).standardizedFileURL.path)
    }
    func client() throws -> AdminClient {
        let own = ProcessInfo.processInfo.environment["TRANCHE_OPERATOR_SECRET"]
        var client = AdminClient(try self.folder.load(), key: self.key, credential: own)
        client.reason = self.reason
        return client
    }
}
