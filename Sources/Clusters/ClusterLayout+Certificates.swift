package import TrancheCore

extension ClusterLayout {
    /// In the certificate of commands.
    package static let operatorName = "local"

    /// Everybody who has a certificate of the cluster.
    package var certificateHolders: [(role: ProcessName.Role, name: String)] {
        var holders: [(role: ProcessName.Role, name: String)] = [
            (.operator, Self.operatorName), (.shop, "local"), (.monitor, "local"), (.center, "center"),
            (.coordinator, "first"),
            (.coordinator, "second"),
        ]
        if self.otherCenterPort != nil { holders.append((.center, "other")) }
        for unit in self.units { holders.append((.unit, unit.name)) }
        for gate in self.gates { holders.append((.gate, gate.name)) }
        return holders
    }

    /// The folder of one certificate. The operator's is the base: commands read it.
    package static func certificateFolder(_ base: String, _ role: ProcessName.Role, _ name: String) -> String {
        role == .operator ? base : "\(base)/\(role.rawValue)-\(name)"
    }
}
