import Storage
import TrancheAPI
import TrancheCore

// Checks of the configuration's versions.

extension Verifier {
    func configurations() -> VerifyReport.Check {
        var findings: [String] = []
        for (index, version) in self.configs.enumerated() {
            let push = ConfigPush(
                version: version.version, epoch: Epoch(0), content: String(decoding: version.content, as: UTF8.self))
            if version.version != index + 1 {
                findings.append("version \(version.version) is at position \(index + 1)")
            }
            if push.checksum != version.checksum {
                findings.append("version \(version.version): the checksum does not match")
            }
        }
        for (name, push) in self.unitConfigs {
            guard let push else { continue }
            if (try? push.validated()) == nil {
                findings.append("\(name): its copy, version \(push.version), is not valid")
            }
            if push.version > self.configs.count {
                findings.append("\(name): has version \(push.version) of \(self.configs.count)")
            }
        }
        let figures =
            "\(self.configs.count) versions; "
            + self.unitConfigs.map { "\($0.name) at \($0.push?.version ?? 0)" }.joined(separator: ", ")
        return Self.check(
            "I11", "an applied configuration is valid and never older than the last", findings, figures: figures)
    }

    /// Sales whose revoked tokens a later version would accept again (I6).
    func fallenEpochs() -> [String] {
        var highest: [String: RevocationEpoch] = [:]
        var findings: [String] = []
        for version in self.configs {
            guard let config = try? JSON.decode(SaleConfig.self, from: version.content) else { continue }
            for sale in config.sales {
                let (epoch, last) = (sale.revocationEpoch ?? .first, highest[sale.id] ?? .first)
                if epoch < last {
                    findings.append(
                        "version \(version.version): the revocation epoch of sale \(sale.id) fell from \(last) to \(epoch)"
                    )
                }
                highest[sale.id] = max(last, epoch)
            }
        }
        return Array(findings.prefix(5))
    }
}
