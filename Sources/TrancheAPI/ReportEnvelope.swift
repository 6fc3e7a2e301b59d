package import TrancheCore

/// A report with what else a unit has to say: which configuration it has applied.
package struct ReportEnvelope: Sendable, Codable {
    package let report: UnitReport
    package let configVersion: Int
    package let clock: ClockDocument
    package init(report: UnitReport, configVersion: Int, clock: ClockDocument) {
        self.clock = clock
        self.report = report
        self.configVersion = configVersion
    }
}
