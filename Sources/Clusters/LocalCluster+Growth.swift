import Sockets
import Terminal
package import TrancheAPI
package import TrancheCore

// One more unit for a cluster that runs.

extension ClusterLayout {
    /// This layout with one more unit, in a region that has one. It has no wide-area links.
    ///
    /// - Throws: ``CommandError`` if the name is taken, or the region has no unit.
    package func adding(_ name: String, region: String) throws -> ClusterLayout {
        guard !self.units.contains(where: { $0.name == name }) else {
            throw CommandError("there is a unit \"\(name)\" already: choose another name")
        }
        guard self.units.contains(where: { $0.region == region }) else {
            let regions = Set(self.units.map(\.region)).sorted().joined(separator: ", ")
            throw CommandError("region \"\(region)\" has no unit; there are: \(regions)")
        }
        let ports = try FreePorts.take(2)
        let id = UnitID((self.units.map(\.id.rawValue).max() ?? 0) + 1)
        var layout = self
        layout.units.append(
            Unit(
                id: id, name: name, ownRegion: region, publicPort: ports[0], internalPort: ports[1], links: nil))
        return layout
    }
}

extension LocalCluster {
    /// Starts a unit of the layout with its Redis, and nothing else. A unit whose stores are elsewhere has no Redis beside it.
    package func startUnit(_ name: String) throws {
        try self.folder.make(self.folder.backtraces)
        try self.folder.make(self.folder.unit(name))
        self.startWatch()
        if self.hasRedis(name) { try self.start(.redis(name)) }
        try self.start(.unit(name))
    }

    /// Waits until the center hears a unit that was started alone, and makes it known to other commands and to the next
    /// start of the cluster.
    ///
    /// - Throws: ``CommandError`` if it ends, or does not register in time.
    package func waitUntilRegistered(_ name: String, _ id: UnitID, seconds: Int = 30) async throws {
        let client = AdminClient(self.layout)
        let end = ContinuousClock.now + .seconds(seconds)
        while try await client.call("GET", "/v1/units", as: [UnitDocument].self).first(where: { $0.id == id })
            .map({ $0.isSilent }) ?? true
        {
            guard ContinuousClock.now < end, self.isRunning(.unit(name)) else {
                throw CommandError("\(name) has not registered: see \(self.folder.unit(name))/log")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        try self.folder.save(self.layout)
    }
}

extension UnitDocument {
    /// Whether the unit has not reported for so long that the authority treats it as silent.
    package var isSilent: Bool { (self.silentMilliseconds ?? .max) > QuotaAuthority.silenceMilliseconds }
}
