import Sockets
import Terminal
import TrancheCore

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
    /// Starts a unit of the layout with its Redis, and nothing else.
    package func startUnit(_ name: String) throws {
        try self.folder.make(self.folder.backtraces)
        try self.folder.make(self.folder.unit(name))
        try self.start(.redis(name))
        try self.start(.unit(name))
    }
}
