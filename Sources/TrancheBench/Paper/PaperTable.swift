import Foundation
import Terminal

/// Prints an installation on paper.
enum PaperTable {
    static func print(_ paper: Paper) {
        let question = paper.question
        Output.line(
            "\n\(question.units) units, \(question.lots) lots, \(Output.number(question.buyers)) buyers within "
                + String(format: "%.0f s: ", question.seconds)
                + "\(Output.number(Int(paper.requestsPerSecond))) requests/s in all")
        let rows = paper.rows.map { row -> [String] in
            [
                row.part, row.phase, row.what, Output.number(Int(row.perSecond.rounded())),
                row.bytesPerSecond == 0 ? "" : String(format: "%.2f", row.bytesPerSecond / 1e6),
                String(format: row.microseconds < 10 ? "%.2f" : "%.0f", row.microseconds),
                String(format: "%.3f", row.cores),
            ]
        }
        for line in Output.table(["part", "phase", "work", "per second", "MB/s", "us each", "cores"], rows) {
            Output.line(line)
        }
        Output.line()
        let costs = paper.costs
        Output.line(
            "bytes: a report \(costs.reportBytes) and its answer \(costs.directivesBytes), a contest report "
                + "\(costs.contestReportBytes) and its answer \(costs.contestReplyBytes), a candidate "
                + "\(costs.candidateBytes), a verdict \(costs.verdictBytes), a state for the coordinator "
                + "\(Output.number(costs.lookBytes)), a decision about "
                + "\(Output.number(costs.contest.entrants)) requests "
                + Output.number(costs.contest.batchBytes))
        let (one, all) = (costs.contest.witnessCommitMilliseconds, costs.contest.witnessesCommitMilliseconds)
        let reports = Double(question.units) * Paper.reportsPerUnit
        Output.line(
            String(
                format: "a commit takes %.2f ms with the witness of one report, %.2f ms with those of all units: "
                    + "at most %.0f commits/s", one, all, min(reports, 1e3 / one)))
        let contest = paper.contestOfOneLot
        Output.line(
            String(
                format:
                    "a contest of one lot that all buyers want: %@ candidates decided/s, %.1f x of that are asked for; "
                    + "%@ candidates until the units know that nothing can be won, decided after %.1f s",
                Output.number(Int(contest.decidedPerSecond)), contest.load, Output.number(Int(contest.candidates)),
                contest.seconds))
        for inContest in [false, true] {
            let loads = paper.loads(inContest: inContest)
            Output.line(
                "load of one processor or thread, \(inContest ? "with one contest" : "in the sale"): "
                    + loads.map { String(format: "%@ %.2f", $0.part, $0.share) }.joined(separator: ", ")
                    + (loads.first.map { "; full first: \($0.part)" } ?? ""))
        }
    }
}
