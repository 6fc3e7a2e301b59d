package import TrancheCore

/// A registration, with the unit's addresses.
package struct RegisterEnvelope: Sendable, Codable {
    package let request: RegisterRequest
    package let name: String
    package let region: String
    package let publicURL: String
    package let internalURL: String
    package init(request: RegisterRequest, name: String, region: String, publicURL: String, internalURL: String) {
        self.request = request
        self.name = name
        self.region = region
        self.publicURL = publicURL
        self.internalURL = internalURL
    }
}

/// A report, with the version of the configuration that the unit has applied, and with what is not in its ledger.
package struct ReportEnvelope: Sendable, Codable {
    package let report: UnitReport
    package let configVersion: Int
    package let clock: ClockDocument
    /// `nil` from a unit of a version that does not measure.
    package let load: LoadFigures?
    /// What the process has answered since its start; `nil` from a unit of a version that does not tell.
    package let figures: PurchaseFigures?
    package init(
        report: UnitReport, configVersion: Int, clock: ClockDocument, load: LoadFigures? = nil,
        figures: PurchaseFigures? = nil
    ) {
        self.figures = figures
        self.load = load
        self.clock = clock
        self.report = report
        self.configVersion = configVersion
    }
}

/// The state of a unit's clock.
package struct ClockDocument: Hashable, Sendable, Codable {
    package let state: ClockCheck.State
    package let uncertaintyMicroseconds: Int64
    /// Measured by the fastest round trip to the coordinator in the last 20 s; the error is at most half of its delay.
    package let offsetMicroseconds: Int64?
    package let delayMicroseconds: Int64?
    package let steps: Int
    package let refusedFences: Int

    init(
        state: ClockCheck.State, uncertaintyMicroseconds: Int64, offsetMicroseconds: Int64?, delayMicroseconds: Int64?,
        steps: Int, refusedFences: Int
    ) {
        self.state = state
        self.uncertaintyMicroseconds = uncertaintyMicroseconds
        self.offsetMicroseconds = offsetMicroseconds
        self.delayMicroseconds = delayMicroseconds
        self.steps = steps
        self.refusedFences = refusedFences
    }

    package init(_ check: ClockCheck, refusedFences: Int) {
        self.init(
            state: check.state, uncertaintyMicroseconds: check.uncertaintyMicroseconds,
            offsetMicroseconds: check.best?.offsetMicroseconds, delayMicroseconds: check.best?.delayMicroseconds,
            steps: check.steps, refusedFences: refusedFences)
    }
}
