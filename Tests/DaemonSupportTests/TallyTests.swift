import DaemonSupport
import Foundation
import Testing

@Suite("Tallies") struct TallyTests {
    private static let help = "For a test."

    private func lines(_ telemetry: Telemetry, _ name: String) -> [String] {
        telemetry.text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(name) }
    }

    @Test("counts of several threads are added up, and each label value has a series from the start")
    func countsAreAddedUp() async {
        var families = Families()
        let refusals = families.counter("refusals_total", Self.help, label: "code", values: ["paused", "ended"])
        let telemetry = Telemetry()
        let tallies = telemetry.add(families)
        #expect(
            self.lines(telemetry, "refusals_total") == [
                "refusals_total{code=\"paused\"} 0", "refusals_total{code=\"ended\"} 0",
            ])
        await withDiscardingTaskGroup { group in
            for _ in 0..<4 {
                let tally = tallies.tally()
                group.addTask { for _ in 0..<10_000 { tally.count(refusals, 1, by: 2) } }
            }
        }
        #expect(self.lines(telemetry, "refusals_total{code=\"ended\"}") == ["refusals_total{code=\"ended\"} 80000"])
        #expect(self.lines(telemetry, "refusals_total{code=\"paused\"}") == ["refusals_total{code=\"paused\"} 0"])
    }

    @Test("a tally that several threads share loses nothing") func sharedTallyLosesNothing() async {
        var families = Families()
        let all = families.counter("all_total", Self.help)
        let telemetry = Telemetry()
        let tally = telemetry.add(families).tally()
        await withDiscardingTaskGroup { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<10_000 { tally.count(all) } } }
        }
        #expect(self.lines(telemetry, "all_total") == ["all_total 40000"])
    }

    @Test("a histogram has cumulative buckets from 0.5 ms to 10 s, a sum in seconds, and a count")
    func histogramIsCumulative() {
        var families = Families()
        let waits = families.histogram("wait_seconds", Self.help, label: "kind", values: ["a", "b"])
        let telemetry = Telemetry()
        let tally = telemetry.add(families).tally()
        // At a bound, above it, above all bounds, and less than nothing.
        for microseconds: Int64 in [500, 501, 20_000_000, -7] { tally.observe(waits, 1, microseconds: microseconds) }
        let text = telemetry.text
        #expect(text.contains("# TYPE wait_seconds histogram\n"))
        for line in [
            "wait_seconds_bucket{kind=\"b\",le=\"0.0005\"} 2", "wait_seconds_bucket{kind=\"b\",le=\"0.001\"} 3",
            "wait_seconds_bucket{kind=\"b\",le=\"10.0\"} 3", "wait_seconds_bucket{kind=\"b\",le=\"+Inf\"} 4",
            "wait_seconds_sum{kind=\"b\"} 20.001001", "wait_seconds_count{kind=\"b\"} 4",
            "wait_seconds_count{kind=\"a\"} 0",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
        #expect(Buckets.microseconds.first == 500)
        #expect(Buckets.microseconds.last == 10_000_000)
    }

    @Test("every duration is in the first bucket whose bound is not below it") func bucketsAreFound() {
        for (index, bound) in Buckets.microseconds.enumerated() {
            #expect(Buckets.index(microseconds: bound) == index)
            #expect(Buckets.index(microseconds: bound + 1) == index + 1)
        }
    }
}

@Suite("The limit of series") struct SeriesLimitTests {
    private func series(_ telemetry: Telemetry) -> Int {
        telemetry.text.split(separator: "\n").count { !$0.hasPrefix("#") }
    }

    @Test("with 1,000 lots a process has at most 2,000 series; sums over all lots and fixed families are among them")
    func manyLotsStayBelowTheLimit() {
        let telemetry = Telemetry()
        var families = Families()
        _ = families.histogram("wait_seconds", "For a test.", label: "outcome", values: ["a", "b", "c", "d", "e"])
        _ = telemetry.add(families)
        for lot in 1...1_000 {
            for name in 0..<20 {
                telemetry.set("lot_gauge_\(name)", "For a test.", labels: "lot=\"\(lot)\"", to: Double(lot))
            }
        }
        telemetry.set("all_lots", "For a test.", to: 7)
        #expect(self.series(telemetry) <= Telemetry.seriesLimit)
        #expect(telemetry.text.contains("wait_seconds_count{outcome=\"e\"} 0\n"))
        #expect(telemetry.text.contains("lot_gauge_3{lot=\"1\"}"))
        #expect(!telemetry.text.contains("lot_gauge_3{lot=\"1000\"}"))
    }

    @Test("one family has a limit of label values of its own") func familiesHaveALimit() {
        let telemetry = Telemetry()
        for lot in 1...1_000 { telemetry.set("lots", "For a test.", labels: "lot=\"\(lot)\"", to: Double(lot)) }
        #expect(telemetry.text.contains("lots{lot=\"\(Telemetry.labelsLimit)\"}"))
        #expect(!telemetry.text.contains("lots{lot=\"\(Telemetry.labelsLimit + 1)\"}"))
    }

    @Test("what has no series is counted, and a series that is there goes on") func dropsAreCounted() {
        let telemetry = Telemetry(labelsLimit: 2, seriesLimit: 100)
        for lot in 1...5 { telemetry.set("lots", "For a test.", labels: "lot=\"\(lot)\"", to: 1) }
        #expect(telemetry.text.contains("tranche_series_dropped_total 3\n"))
        telemetry.set("lots", "For a test.", labels: "lot=\"2\"", to: 9)
        #expect(telemetry.text.contains("lots{lot=\"2\"} 9.0\n"))
        #expect(telemetry.text.contains("tranche_series_dropped_total 3\n"))
    }

    @Test("series of lots that are gone are replaced by those of others, and give their room back")
    func replacedSeriesGiveRoomBack() {
        let telemetry = Telemetry(labelsLimit: 3, seriesLimit: 5)
        for first in stride(from: 1, through: 30, by: 3) {
            telemetry.replace(
                "lots", "For a test.", label: "lot", with: (first..<(first + 3)).map { ("\($0)", Double($0)) })
        }
        #expect(self.series(telemetry) == 4)
        #expect(telemetry.text.contains("lots{lot=\"28\"} 28.0\n"))
        #expect(!telemetry.text.contains("lots{lot=\"1\"}"))
        telemetry.set("one", "For a test.", to: 1)
        telemetry.set("another", "For a test.", to: 1)
        #expect(self.series(telemetry) == 5)
        telemetry.replace("lots", "For a test.", label: "lot", with: [])
        telemetry.set("another", "For a test.", to: 1)
        #expect(telemetry.text.contains("another 1.0\n"))
        #expect(!telemetry.text.contains("lots"))
    }
}
