import Foundation
import Simulation
import Terminal
import TrancheCore

/// Prints plans.
enum PlanTable {
    private enum Unit { case items, seconds, perSecond, bytes }

    static func print(_ plan: SalePlan) {
        Self.line("requests/s of one unit", plan.capacityPerSecond, .perSecond)
        for region in plan.regions {
            Output.line("\n" + Output.bold("region \(region.name)"))
            Self.line("requests at the peak", region.peakPerSecond, .perSecond)
            Self.line("units", region.units, .items)
            Self.line("memory of a unit", region.memoryBytes, .bytes)
            Self.line("disk of a unit", region.diskBytes, .bytes)
            Self.line("Redis of a unit", region.redisBytes, .bytes)
            Self.line("Redis of its gates", region.gateRedisBytes, .bytes)
            Self.line("lost: items stranded, at most", region.strandedItems, .items)
            Self.line("lost: buyers affected, at most", region.affectedBuyers, .items)
        }
        Output.line("\n" + Output.bold("quota weights") + "  " + Output.dim(plan.weightsWhy))
        for region in plan.regions {
            let parts = plan.units(of: region).map { "\($0)=\(plan.weights[$0] ?? 0)" }
            Output.line("  " + parts.joined(separator: ","))
        }
        for lot in plan.lots { Self.print(lot, plan) }
    }

    private static func print(_ lot: SalePlan.Lot, _ plan: SalePlan) {
        Output.line("\n" + Output.bold("lot \(lot.id)"))
        Self.line("requests admitted", lot.admittedPerSecond, .perSecond)
        if let soldOut = lot.soldOutSeconds { Self.line("sold out after", soldOut, .seconds) }
        Self.line("unsold", lot.unsoldItems, .items)
        Self.line("nothing unpaid after", lot.settledSeconds, .seconds)
        Self.line("buyers served", lot.buyersServed, .items)
        Self.line("items contested", lot.contestedItems, .items)
        Self.line("requests in the contest", lot.candidates, .items)
        Self.line("traffic of the contest", lot.contestBytes, .bytes)
        let grants = plan.regions.flatMap { plan.units(of: $0) }.map { "\($0) \(Output.number(lot.grants[$0] ?? 0))" }
        Output.line("  first grants: " + grants.joined(separator: ", "))
    }

    /// The difference between two plans, as planned and as simulated.
    static func print(_ one: PlanCommand.Judged, against other: PlanCommand.Judged, seed: UInt64) {
        var rows: [[String]] = []
        func add(_ name: String, _ unit: Unit, _ left: Double?, _ right: Double?) {
            let texts = [left, right].map { $0.map { Self.text($0, unit) } ?? "none" }
            var change = ""
            if let left, let right {
                change = left == right ? "=" : (left < right ? "+" : "-") + Self.text(abs(right - left), unit)
            }
            rows.append([name] + texts + [change])
        }
        add("units", .items, Self.units(one.plan), Self.units(other.plan))
        let lots = Set((one.plan.lots + other.plan.lots).map(\.id)).sorted()
        for id in lots {
            let plans = [one, other].map { judged in judged.plan.lots.first { $0.id == id } }
            let runs = [one, other].map { judged in judged.simulated.first { $0.lot == id } }
            let name = lots.count > 1 ? "lot \(id): " : ""
            add(name + "sold out, planned", .seconds, plans[0]?.soldOutSeconds?.value, plans[1]?.soldOutSeconds?.value)
            add(name + "sold out, simulated", .seconds, runs[0]?.soldOutSeconds, runs[1]?.soldOutSeconds)
            add(
                name + "unsold, simulated", .items, runs[0].map { Double($0.unsoldItems) },
                runs[1].map { Double($0.unsoldItems) })
            add(
                name + "waiting at the gates, at most", .items, runs[0].map { Double($0.waitingAtMost) },
                runs[1].map { Double($0.waitingAtMost) })
            add(name + "items contested", .items, plans[0]?.contestedItems.value, plans[1]?.contestedItems.value)
            add(
                name + "traffic of the contest", .bytes, plans[0]?.contestBytes.value, plans[1]?.contestBytes.value)
            for region in Set(runs.flatMap { $0.map { Array($0.heldAtMost.keys) } ?? [] }).sorted() {
                add(
                    name + "held by \(region), at most", .items, runs[0]?.heldAtMost[region].map(Double.init),
                    runs[1]?.heldAtMost[region].map(Double.init))
            }
        }
        for line in Output.table(["the same crowd, seed \(seed)", one.file, other.file, "difference"], rows) {
            Output.line(line)
        }
        Output.line(Output.dim("simulated without faults; the last items are sold by the units, and not contested"))
    }

    private static func units(_ plan: SalePlan) -> Double { plan.regions.reduce(0) { $0 + $1.units.value } }

    private static func line(_ name: String, _ figure: SalePlan.Figure, _ unit: Unit) {
        let value = self.text(figure.value, unit)
        let padding = String(repeating: " ", count: max(1, 46 - name.count - value.count))
        Output.line("  \(name)\(padding)\(value)  \(Output.dim(figure.why))")
    }

    private static func text(_ value: Double, _ unit: Unit) -> String {
        switch unit {
        case .items: Output.number(Int(value.rounded(.up)))
        case .perSecond: Output.number(Int(value.rounded())) + "/s"
        case .seconds: String(format: "%.2f s", value)
        case .bytes: String(format: "%.1f MB", value / 1e6)
        }
    }
}
