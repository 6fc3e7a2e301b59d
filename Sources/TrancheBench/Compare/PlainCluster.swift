import Clusters
import DaemonSupport
import Foundation
import Terminal

/// A cluster without units, for a measurement of its center or coordinators.
enum PlainCluster {
    /// The cluster is stopped after `body`, and its folder is deleted.
    static func run<Value>(
        _ body: (LocalCluster, ClusterLayout) async throws -> Value
    ) async throws -> Value {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-bench"))
        let layout = try ClusterLayout.random(regions: [])
        try folder.save(layout)
        let cluster = LocalCluster(folder: folder, layout: layout)
        let stop: @Sendable () async -> Void = {
            await cluster.stop()
            try? FileManager.default.removeItem(atPath: folder.path)
        }
        return try await Stopping.run(stop) { try await body(cluster, layout) }
    }
}
