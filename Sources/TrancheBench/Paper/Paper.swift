import TrancheCore

/// An installation on paper: its rates follow from the rules, and its costs from measurements of one of everything.
struct Paper: Codable {
    /// What is asked for.
    struct Question: Codable {
        let units: Int
        let buyers: Int
        /// The time in which the buyers come, each with one request, in seconds.
        let seconds: Double
        /// Items of all lots.
        let stock: Int
        let lots: Int
        /// Items of one lot that are left when it becomes contested, and places of its waitlist.
        let contested: Int
        let waitlist: Int
        /// From a request in a contest to its decision at the unit, in seconds, without a queue of decisions.
        let decisionSeconds: Double
    }

    /// One kind of work.
    struct Row: Codable {
        let phase: String
        let part: String
        let what: String
        let perSecond: Double
        /// In both directions.
        let bytesPerSecond: Double
        /// Of one piece of work; of a commit, its time and not its CPU time.
        let microseconds: Double
        /// Processors that are busy with it; of commits, the share of the time of the thread that writes.
        var cores: Double { self.perSecond * self.microseconds / 1e6 }
    }

    // The rates of the rules, per second. Each stands where the rule is (named behind it).
    static let reportsPerUnit = 5.0  // Engine.reportSeconds
    static let looks = 10.0  // coordinator.tick
    static let heartbeats = 1_000 / 150.0  // LeaderLoop.heartbeatMilliseconds
    static let clockChecksPerUnit = 1.0  // ContestQueue.idleMilliseconds
    static let contestReportsPerUnit = 200.0  // ContestQueue.reportMilliseconds

    static let sale = "sale"
    static let contest = "contest"

    let question: Question
    let costs: PaperCosts
    let rows: [Row]

    init(_ question: Question, _ costs: PaperCosts) {
        self.question = question
        self.costs = costs
        self.rows = Self.always(question, costs) + Self.contested(question, costs) + Self.buyers(question, costs)
    }

    /// Requests of all buyers a second.
    var requestsPerSecond: Double { Double(self.question.buyers) / self.question.seconds }

    private static func always(_ question: Question, _ costs: PaperCosts) -> [Row] {
        let units = Double(question.units)
        let reports = units * self.reportsPerUnit
        let look = Double(costs.lookBytes)
        return [
            Row(
                phase: self.sale, part: "center", what: "reports of units", perSecond: reports,
                bytesPerSecond: reports * Double(costs.reportBytes + costs.directivesBytes),
                microseconds: costs.report),
            Row(
                phase: self.sale, part: "center", what: "states for the coordinator", perSecond: self.looks,
                bytesPerSecond: self.looks * look, microseconds: costs.lookEncode),
            Row(
                phase: self.sale, part: "center", what: "heartbeats of the leader, each as a report at most",
                perSecond: self.heartbeats,
                bytesPerSecond: self.heartbeats * Double(costs.heartbeatBytes), microseconds: costs.report),
            Row(
                phase: self.sale, part: "center's log", what: "witnesses of reports, one commit for all that wait",
                perSecond: reports, bytesPerSecond: 0,
                microseconds: costs.contest.witnessesCommitMilliseconds * 1e3 / units),
            Row(
                phase: self.sale, part: "coordinator", what: "states of the quota", perSecond: self.looks,
                bytesPerSecond: self.looks * look, microseconds: costs.lookDecode),
            Row(
                phase: self.sale, part: "coordinator", what: "checks of clocks",
                perSecond: units * self.clockChecksPerUnit,
                bytesPerSecond: units * Double(costs.contestReportBytes + costs.contestReplyBytes),
                microseconds: costs.contestReport),
        ]
    }

    private static func buyers(_ question: Question, _ costs: PaperCosts) -> [Row] {
        let perUnit = Double(question.buyers) / question.seconds / Double(question.units)
        let share = min(1, Double(question.stock) / Double(max(1, question.buyers)))
        return [
            Row(
                phase: self.sale, part: "each unit", what: "orders", perSecond: perUnit * share, bytesPerSecond: 0,
                microseconds: costs.order),
            Row(
                phase: self.sale, part: "each unit", what: "refusals", perSecond: perUnit * (1 - share),
                bytesPerSecond: 0, microseconds: costs.refusal),
        ]
    }

    /// What each part has to do as a share of what it can do, the most first: in the sale alone, or with a contest
    /// beside it. A process can use as many processors as its share says; one thread writes the log; a unit has the
    /// processors of its machine.
    func loads(inContest: Bool) -> [(part: String, share: Double)] {
        var sums: [String: Double] = [:]
        for row in self.rows where inContest || row.phase == Self.sale { sums[row.part, default: 0] += row.cores }
        if inContest { sums["decisions, one after the other"] = self.contestOfOneLot.load }
        return sums.map { ($0.key, $0.value) }.sorted { ($0.share, $1.part) > ($1.share, $0.part) }
    }
}
