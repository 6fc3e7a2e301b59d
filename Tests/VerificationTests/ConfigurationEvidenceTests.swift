import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// What `verify` says of the versions of a configuration.
@Suite("The evidence of a configuration") struct ConfigurationEvidenceTests {
    /// The findings of `verify` about I6, if a sale's tokens had these epochs in the versions of the configuration.
    private func findings(_ epochs: [UInt32?]) throws -> [String] {
        let folder = try TemporaryFolder.make()
        try FileManager.default.createDirectory(atPath: folder + "/center", withIntermediateDirectories: true)
        let store = try AuthorityStore(path: folder + "/center/authority.sqlite")
        for (index, epoch) in epochs.enumerated() {
            let field = epoch.map { ",\"revocationEpoch\":\($0)" } ?? ""
            let content = """
                {"units":[],"sales":[{"id":"test","name":"test","state":"open","startsAtMilliseconds":0,\
                "endsAtMilliseconds":9,"paymentWindowMilliseconds":1000,"lots":[{"id":1,"name":"lot","stock":10,\
                "perBuyerLimit":1,"poolPermille":0}]\(field)}]}
                """
            try store.append(
                .init(
                    version: index + 1, checksum: "", content: Data(content.utf8), at: Instant(microseconds: 1),
                    actor: "test", note: ""), as: Epoch(1))
        }
        let report = try Verifier(folder: folder).report()
        return try #require(report.checks.first { $0.invariant == "I6" }).findings
    }

    @Test("a revocation epoch that rises is no finding; one that falls, or vanishes, is one") func fallingEpochIsFound()
        throws
    {
        #expect(try self.findings([nil, 1, 1, 2]).isEmpty)
        #expect(
            try self.findings([nil, 2, 1, 2])
                == ["version 3: the revocation epoch of sale test fell from 2 to 1"])
        #expect(try self.findings([1, nil]) == ["version 2: the revocation epoch of sale test fell from 1 to 0"])
    }
}
