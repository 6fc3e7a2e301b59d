import ArgumentParser
import Clusters
import Terminal
import TrancheAPI
import TrancheCore

struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "Look at quota, and move it by hand.",
        subcommands: [Show.self, Move.self, Rebalance.self, Freeze.self, Settle.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the quota of each unit, by lot.")
        @OptionGroup var common: CommonOptions
        func run() async throws { self.common.show(try await self.common.client().quota()) }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move quota from one unit to another, and wait until it has arrived.",
            discussion:
                "A unit returns only unsold items: the output shows how many items were moved.")
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "The unit that gives quota, by name.") var from: String
        @Option(help: "The unit that gets quota, by name.") var to: String
        @Option(help: "Items to move.") var items: Int
        @Option(help: "Seconds to wait.") var wait = 15
        @Flag(help: "Only say what would be done.") var dryRun = false

        func validate() throws {
            try Checks.number("--items", self.items, in: 1...Limits.stockPerLot)
            try Checks.number("--wait", self.wait, in: 0...86_400)
            if self.from == self.to { throw ValidationError("--from and --to are both \"\(self.from)\"") }
        }

        func run() async throws {
            let client = try self.common.client()
            let (from, to) = (try client.unit(self.from), try client.unit(self.to))
            let state = try await client.quota()
            let held = state.lots.first { $0.lot == LotID(self.lot) }?.units.last { $0.unit == from }?.available ?? 0
            if self.dryRun {
                Output.line(
                    "would move up to \(min(self.items, held)) of \(self.items) from \(self.from) (has \(held)) to \(self.to)"
                )
                return
            }
            let body = MoveBody(lot: LotID(self.lot), from: from, to: to, quantity: self.items)
            var move = try await client.call("POST", "/v1/quota/moves", body, as: QuotaAuthority.Move.self)
            let end = ContinuousClock.now + .seconds(self.wait)
            while !move.isDone {
                guard ContinuousClock.now < end else {
                    throw CommandError(
                        "\(self.from) has not answered within \(self.wait) s; \(move.moved) of \(self.items) moved so far"
                    )
                }
                try await Task.sleep(for: .milliseconds(100))
                move = try await client.call("GET", "/v1/quota/moves/\(move.id)", as: QuotaAuthority.Move.self)
            }
            if self.common.json { return Output.json(move) }
            let rest = move.moved < move.asked ? " (\(self.from) had no more unsold items)" : ""
            Output.line("moved \(move.moved) of \(move.asked) from \(self.from) to \(self.to)\(rest)")
        }
    }

    struct Rebalance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give every unit an equal share of the unsold items, by moves.")
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Flag(help: "Only say what would be done.") var dryRun = false

        func run() async throws {
            let client = try self.common.client()
            guard let lot = try await client.quota().lots.first(where: { $0.lot == LotID(self.lot) }) else {
                throw CommandError("lot \(self.lot) has no stock")
            }
            var available = Dictionary(lot.units.filter { $0.standing == "active" }.map { ($0.unit, $0.available) }) {
                $1
            }
            for unit in client.layout.units where available[unit.id] == nil { available[unit.id] = 0 }
            let fair = available.values.reduce(0, +) / max(1, available.count)
            for giver in client.layout.units {
                for taker in client.layout.units {
                    let surplus = (available[giver.id] ?? 0) - fair
                    let lack = fair - (available[taker.id] ?? 0)
                    let items = min(surplus, lack)
                    guard items > 0 else { continue }
                    Output.line("\(self.dryRun ? "would move" : "moving") \(items) from \(giver.name) to \(taker.name)")
                    available[giver.id]! -= items
                    available[taker.id]! += items
                    guard !self.dryRun else { continue }
                    let body = MoveBody(lot: lot.lot, from: giver.id, to: taker.id, quantity: items)
                    let move = try await client.call(
                        "POST", "/v1/quota/moves", body, part: "-\(giver.id)-\(taker.id)",
                        as: QuotaAuthority.Move.self)
                    try await client.finish(move)
                }
            }
            if !self.dryRun { self.common.show(try await client.quota()) }
        }
    }

    struct Freeze: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop the coordinator's decisions about a lot, those of a contest included; --off resumes them.")
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Flag(help: "End the freeze.") var off = false
        func run() async throws {
            let body = FreezeBody(frozen: !self.off)
            self.common.show(
                try await self.common.client().call("POST", "/v1/lots/\(self.lot)/freeze", body, as: QuotaState.self))
        }
    }
}
