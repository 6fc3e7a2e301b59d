package import TrancheCore

// What a message between processes may say at most. Beyond that somebody is out of their mind, and nothing is changed.

extension Problem {
    fileprivate static func check(_ name: String, _ value: Int?, in range: ClosedRange<Int>) throws(Problem) {
        guard let value, !range.contains(value) else { return }
        throw Problem(
            status: 400, code: "invalid_message",
            detail: "\(name) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
    }
}

extension UnitReport {
    /// - Throws: ``Problem`` with code `invalid_message`.
    package func checkLimits() throws(Problem) {
        for lot in self.lots {
            let counters = lot.counters
            for (name, value) in [
                ("granted", counters.granted), ("allocated", counters.allocated), ("returned", counters.returned),
                ("sold", counters.sold), ("cancelled", counters.cancelled), ("offered", lot.offered),
                ("starved", lot.starved), ("paid", lot.paid),
            ] { try Problem.check(name, value, in: 0...Limits.counter) }
        }
    }
}

extension QuotaDirectives {
    /// - Throws: ``Problem`` with code `invalid_message`.
    package func checkLimits() throws(Problem) {
        for lot in self.lots {
            for (name, value) in [
                ("granted", lot.granted), ("elsewhere", lot.elsewhere), ("contest", lot.contest),
                ("keep", lot.hint?.keep),
            ] { try Problem.check(name, value, in: 0...Limits.counter) }
        }
    }
}

extension ReportEnvelope {
    /// - Throws: ``Problem`` with code `invalid_message`.
    package func checkLimits() throws(Problem) {
        try Problem.check("configVersion", self.configVersion, in: 0...Int.max)
        try self.report.checkLimits()
    }
}
