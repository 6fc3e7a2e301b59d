// What a contest of one lot adds to an installation on paper.

extension Paper {
    /// What a contest of one lot adds while its stock can still be won, at the rate at which decisions are made.
    static func contested(_ question: Question, _ costs: PaperCosts) -> [Row] {
        let reports = Double(question.units) * self.contestReportsPerUnit
        let candidates = min(Double(question.buyers) / question.seconds, self.decidedPerSecond(costs))
        let batches = candidates / Double(costs.contest.entrants)
        let bytes = batches * Double(costs.contest.batchBytes)
        return [
            Row(
                phase: self.contest, part: "coordinator", what: "contest reports", perSecond: reports,
                bytesPerSecond: reports * Double(costs.contestReportBytes + costs.contestReplyBytes),
                microseconds: costs.contestReport),
            Row(
                phase: self.contest, part: "coordinator", what: "candidates", perSecond: candidates,
                bytesPerSecond: candidates * Double(costs.candidateBytes + costs.verdictBytes),
                microseconds: costs.candidate),
            Row(
                phase: self.contest, part: "coordinator", what: "decisions written", perSecond: batches,
                bytesPerSecond: bytes, microseconds: costs.contest.batchEncodeMicroseconds),
            Row(
                phase: self.contest, part: "center", what: "decisions read", perSecond: batches,
                bytesPerSecond: bytes, microseconds: costs.contest.batchDecodeMicroseconds),
            Row(
                phase: self.contest, part: "center's log", what: "commits of decisions", perSecond: batches,
                bytesPerSecond: bytes, microseconds: costs.contest.batchCommitMilliseconds * 1e3),
        ]
    }

    /// Candidates that one contest decides a second. The leader sends a decision when the one before it is in the
    /// log, so the times of writing, reading and committing add up.
    private static func decidedPerSecond(_ costs: PaperCosts) -> Double {
        let contest = costs.contest
        let microseconds =
            contest.batchEncodeMicroseconds + contest.batchDecodeMicroseconds + contest.batchCommitMilliseconds * 1e3
        return Double(contest.entrants) / microseconds * 1e6
    }

    /// How a contest of one lot goes that all buyers want.
    struct Contest: Codable {
        /// Candidates that are decided a second.
        let decidedPerSecond: Double
        /// The share of this that the requests of all buyers would need.
        let load: Double
        /// Candidates that enter until the units know that nothing can be won, and the time until all are decided.
        let candidates: Double
        let seconds: Double
    }

    var contestOfOneLot: Contest {
        let decided = Self.decidedPerSecond(self.costs)
        let winners = Double(self.question.contested + self.question.waitlist)
        // Until the line is full, each unit lets in as many as can still win or wait.
        let open = self.question.decisionSeconds + winners / min(decided, self.requestsPerSecond)
        let candidates = min(Double(self.question.units) * winners, open * self.requestsPerSecond)
        return Contest(
            decidedPerSecond: decided, load: self.requestsPerSecond / decided, candidates: candidates,
            seconds: candidates / decided)
    }
}
