package import DaemonSupport
import Foundation
import Sockets

extension LocalCluster {
    /// Starts a second process with a unit's id and secret, from the ledger in `folder`, with its own Redis and ports.
    ///
    /// - Parameter folder: A folder below the cluster's folder, with a path that is short enough for a socket.
    /// - Returns: The copy and its Redis; the caller stops them.
    package func startCopy(of name: String, folder: String) throws -> [ChildProcess] {
        let unit = self.layout.units.first { $0.name == name }!
        let ports = try FreePorts.take(2)
        let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
        var values = self.values(of: unit)
        values["public"] = ["port": ports[0]]
        values["internal"] = ["port": ports[1]]
        values["redis"] = ["address": folder + "/r.sock"]
        values["data"] = ["folder": folder]
        values["clock"] = [:]
        let file = try self.write(
            String(folder.dropFirst(self.folder.path.count + 1)) + "/unit.yaml", values)
        let redis = try ChildProcess(
            Self.find("redis-server"), Self.redis(folder + "/r.sock", folder), environment: environment,
            log: folder + "/redis.log")
        let copy = try ChildProcess(
            Self.sibling("tranche-unit"), ["--config", file],
            environment: environment.merging(self.layout.secrets(of: .unit(name))) { $1 }, log: folder + "/log")
        return [copy, redis]
    }
}
