import Clusters
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// `tranche doctor` on a real cluster: readings of a real disk, Redis, ports and center.
@Suite("The doctor", .serialized, .timeLimit(.minutes(3))) struct DoctorTests {
    private struct Report: Decodable {
        let role: String
        let isFit: Bool
        let findings: [Finding]

        func level(_ about: String) -> Finding.Level? { self.findings.first { $0.about.hasPrefix(about) }?.level }
    }

    private func examine(
        _ cluster: TestCluster, _ file: String, _ secrets: [String: String]
    ) throws -> (status: Int32, report: Report, output: String) {
        let base = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
        let result = try TestCluster.run(
            "tranche", ["doctor", "--json", "--config", cluster.folder + "/" + file], base.merging(secrets) { $1 })
        return (result.status, try JSON.decode(Report.self, from: Array(result.output.utf8)), result.output)
    }

    @Test("it finds the parts of a running unit in order, and names what is wrong; no secret is in its output")
    func unitIsExamined() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let token = String(repeating: "t", count: 40)
        // Too short by a byte, and like nothing else in the output.
        let short = "zq7-Wombat-93-xylophone-kK4vJp8"
        let (status, report, output) = try self.examine(
            cluster, "units/us-east/unit.yaml",
            ["TRANCHE_TOKEN_SECRET": token, "TRANCHE_SHOP_SECRET": token, "TRANCHE_PAYMENT_SECRET": short])
        #expect(report.role == "unit")
        for about in ["public.port", "internal.port", "Redis", "certificate", "center"] {
            #expect(report.level(about) == .fine, "\(about): \(output)")
        }
        #expect(report.level("disk of") != nil)
        #expect(report.level("TRANCHE_SHOP_SECRET") == .fine)
        for name in ["TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET", "TRANCHE_UNIT_SECRET"] {
            #expect(report.level(name) == .bad, "\(name): \(output)")
        }
        #expect(status == 2 && !report.isFit)
        #expect(!output.contains(token) && !output.contains(short))
    }

    @Test("a center that is away is found") func silentCenterIsFound() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        cluster.signalAll("tranche-config-center", SIGKILL)
        let (status, report, output) = try self.examine(cluster, "coordinator.yaml", [:])
        #expect(report.role == "coordinator")
        #expect(report.level("center") == .bad, "\(output)")
        #expect(status == 2)
    }
}
