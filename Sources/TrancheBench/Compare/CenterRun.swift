import Clusters
import Foundation
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore

/// A center on one core, and units that report to it ten times a second.
struct CenterRun: Codable {
    static let reportsPerSecond = 10

    let units: Int
    let answeredPerSecond: Double
    let p99Milliseconds: Double
    let cpuMicroseconds: Double

    /// The number of units that the center served: all units times the share of reports that were answered within the
    /// run or half a second after it.
    let unitsServed: Double

    var line: String {
        String(
            format: "%d units: %.0f reports/s answered, p99 %.1f ms, %.0f us of CPU each", self.units,
            self.answeredPerSecond, self.p99Milliseconds, self.cpuMicroseconds)
    }

    /// - Parameter lots: Lots in each report.
    static func run(units: Int, seconds: Double, lots: Int = 1) async throws -> CenterRun {
        try await PlainCluster.run { cluster, layout in
            try FileManager.default.createDirectory(
                atPath: cluster.folder.path + "/center", withIntermediateDirectories: true)
            try cluster.start(.center)
            let client = AdminClient(layout)
            for _ in 0..<200 where await !client.answers(layout.centerURL + "/healthz") {
                try await Task.sleep(for: .milliseconds(25))
            }
            return try await self.measure(cluster, layout, units: units, seconds: seconds, lots: lots)
        }
    }

    private static func measure(
        _ cluster: LocalCluster, _ layout: ClusterLayout, units: Int, seconds: Double, lots: Int
    ) async throws -> CenterRun {
        let process = cluster.process(.center) ?? 0
        _ = try Program.output("taskset", ["-a", "-p", "-c", "0", String(process)])
        var registrations = RequestTape()
        for number in 1...units {
            let (head, body) = self.registration(number, layout)
            registrations.append(head, body: body)
        }
        let registered = try await Drive(port: layout.centerPort, connections: 16, seconds: 120).run(registrations)
        guard registered.statuses[200] == units else {
            throw CommandError("\(units) registrations were answered with the statuses \(registered.statuses)")
        }
        let rate = Double(units * Self.reportsPerSecond)
        var reports = RequestTape()
        for round in 1...max(1, Int(seconds * Double(Self.reportsPerSecond))) {
            for number in 1...units {
                let (head, body) = self.report(number, round, lots: lots, layout)
                reports.append(head, body: body)
            }
        }
        var drive = Drive(port: layout.centerPort, connections: units, seconds: seconds + 0.5)
        drive.pace = .open(perSecond: rate)
        let before = ProcessFigures.cpuSeconds([process])
        let result = try await drive.run(reports)
        let cpu = ProcessFigures.cpuSeconds([process]) - before
        let answered = result.statuses[200] ?? 0
        guard answered == result.answers, answered > 0 else { throw CommandError("answers: \(result.statuses)") }
        return CenterRun(
            units: units, answeredPerSecond: (result.perSecond(200)).rounded(), p99Milliseconds: result.p99Milliseconds,
            cpuMicroseconds: cpu / Double(answered) * 1e6, unitsServed: Double(units * answered / reports.count))
    }

    private static func head(
        _ number: Int, _ path: String, _ type: String, bytes: Int, _ layout: ClusterLayout
    ) -> String {
        let secret = layout.secrets(ofUnit: UnitID(UInt16(number)))["TRANCHE_UNIT_SECRET"] ?? ""
        return "POST \(path) HTTP/1.1\r\nHost: center\r\nContent-Type: \(type)\r\n"
            + "Authorization: Bearer \(secret)\r\nContent-Length: \(bytes)\r\n\r\n"
    }

    private static func registration(_ number: Int, _ layout: ClusterLayout) -> (head: String, body: [UInt8]) {
        let envelope = RegisterEnvelope(
            request: RegisterRequest(
                unit: UnitID(UInt16(number)), ledger: LedgerID(UInt64(number)), incarnation: Incarnation(1),
                generation: Generation(1), head: .empty, session: UInt64(number), answer: nil),
            name: "unit-\(number)", region: "region-\(number % 40)", publicURL: "http://127.0.0.1:9",
            internalURL: "http://127.0.0.1:9")
        let body = JSON.encode(envelope)
        let path = "/internal/v1/units/\(number)/register"
        return (self.head(number, path, "application/json", bytes: body.count, layout), body)
    }

    /// Bytes of a report about `lots` lots, with its HTTP head.
    static func reportBytes(lots: Int) throws -> Int {
        let (head, body) = self.report(50, 1_000, lots: lots, try ClusterLayout.random(regions: []))
        return head.utf8.count + body.count
    }

    /// A report of a unit, with its HTTP head.
    private static func report(
        _ number: Int, _ round: Int, lots: Int, _ layout: ClusterLayout
    ) -> (head: String, body: [UInt8]) {
        let lots = (1...UInt32(lots)).map { lot in
            UnitReport.Lot(
                lot: LotID(lot), counters: QuotaCounters(), offered: round * 100, starved: 0, hintDone: 0,
                isPrimed: true,
                paid: 0)
        }
        let report = UnitReport(
            unit: UnitID(UInt16(number)), ledger: LedgerID(UInt64(number)), incarnation: Incarnation(1),
            generation: Generation(1), session: UInt64(number),
            head: LedgerHead(position: UInt64(round), digest: ChainDigest(high: UInt64(number), low: UInt64(round))),
            nonce: UInt64(round), lots: lots)
        let envelope = ReportEnvelope(
            report: report, configVersion: 0, clock: ClockDocument(ClockCheck(), refusedFences: 0))
        let body = QuotaWire.encode(envelope)
        let path = "/internal/v1/units/\(number)/report"
        return (self.head(number, path, QuotaWire.contentType, bytes: body.count, layout), body)
    }
}
