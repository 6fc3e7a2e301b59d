import ArgumentParser
import Clusters
import Terminal
import TrancheAPI
import TrancheCore

struct UnitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unit", abstract: "Look at units, start one more, drain them, and remove them.",
        subcommands: [List.self, Start.self, Drain.self, Remove.self])

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a unit that is stopped, holds no quota, and is no buyer's home.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The unit, by name.") var unit: String
        func run() async throws {
            let client = try self.common.client()
            let id = try client.unit(self.unit)
            let left = try await client.call("POST", "/v1/units/\(id)/remove", as: [UnitDocument].self)
            if self.common.json { return Output.json(left) }
            Output.line("\(self.unit) is removed; left: \(left.map(\.name).joined(separator: ", "))")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the units.")
        @OptionGroup var common: CommonOptions
        func run() async throws {
            let units = try await self.common.client().call("GET", "/v1/units", as: [UnitDocument].self)
            if self.common.json { return Output.json(units) }
            let rows = units.map { unit in
                [
                    unit.name, unit.id.description, unit.publicURL,
                    "\(unit.generation?.rawValue ?? 0).\(unit.incarnation?.rawValue ?? 0)",
                    unit.configVersion.map(String.init) ?? "-", unit.silentMilliseconds.map { "\($0) ms" } ?? "never",
                    unit.clock.map { "\($0.state.rawValue) ±\($0.uncertaintyMicroseconds) us" } ?? "-",
                    unit.isSilent ? "silent" : unit.isDrained ? "drained" : "active",
                ]
            }
            for line in Output.table(
                ["unit", "id", "address", "generation", "config", "heard", "clock", "state"], rows)
            {
                Output.line(line)
            }
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take back a unit's unsold quota and grant no more; wait until it has none. --off ends this.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The unit, by name.") var unit: String
        @Option(help: "Seconds to wait.") var wait = 15
        @Flag(help: "End the drain.") var off = false
        @Flag(help: "Only say what would be done.") var dryRun = false
        func validate() throws { try Checks.number("--wait", self.wait, in: 0...86_400) }
        func run() async throws {
            let client = try self.common.client()
            let id = try client.unit(self.unit)
            if self.dryRun {
                let held = try await client.quota().lots.flatMap(\.units).filter { $0.unit == id }.reduce(0) {
                    $0 + $1.available
                }
                Output.line(
                    self.off ? "would end the drain of \(self.unit)" : "would take \(held) items back from \(self.unit)"
                )
                return
            }
            _ = try await client.call(
                "POST", "/v1/units/\(id)/\(self.off ? "undrain" : "drain")", as: [UnitDocument].self)
            let end = ContinuousClock.now + .seconds(self.wait)
            while !self.off {
                let left = try await client.quota().lots.flatMap(\.units).filter {
                    $0.unit == id && $0.standing == "active"
                }
                if left.allSatisfy({ $0.available == 0 }) { break }
                guard ContinuousClock.now < end else {
                    throw CommandError("\(self.unit) still holds quota after \(self.wait) s")
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            Output.line(self.off ? "\(self.unit) gets quota again" : "\(self.unit) is drained")
        }
    }
}

extension AdminClient {
    func unit(_ name: String) throws -> UnitID {
        guard let unit = self.layout.units.first(where: { $0.name == name }) else {
            throw CommandError(
                "there is no unit \"\(name)\"; known: \(self.layout.units.map(\.name).joined(separator: ", "))")
        }
        return unit.id
    }

    func finish(_ move: QuotaAuthority.Move) async throws {
        let end = ContinuousClock.now + .seconds(15)
        var move = move
        while !move.isDone, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(100))
            move = try await self.call("GET", "/v1/quota/moves/\(move.id)", as: QuotaAuthority.Move.self)
        }
        Output.line("  moved \(move.moved) of \(move.asked)")
    }
}

extension CommonOptions {
    func show(_ state: QuotaState) {
        if self.json { return Output.json(state) }
        let names = (try? self.folder.load())?.units ?? []
        for lot in state.lots {
            let contest = lot.waitlisted.map { ", contested, waitlist \($0)" } ?? ""
            let carried = lot.carried.map { ", carried \(Output.number($0))" } ?? ""
            let frozen = carried + contest + (lot.isFrozen ? ", frozen" : "")
            Output.line(
                "\(Output.bold("lot \(lot.lot)")): issued \(Output.number(lot.issued)), pool \(Output.number(lot.pool)), stranded \(lot.stranded)\(frozen)"
            )
            let rows = lot.units.map { unit in
                [
                    names.first { $0.id == unit.unit }?.name ?? unit.unit.description, "\(unit.generation.rawValue)",
                    unit.standing,
                    Output.number(unit.granted), Output.number(unit.allocated), Output.number(unit.returned),
                    Output.number(unit.available),
                    Output.number(unit.live),
                    Output.number(unit.paid), Output.number(unit.offered),
                ]
            }
            let header = [
                "unit", "generation", "standing", "granted", "allocated", "returned", "available", "held+paid", "paid",
                "offered",
            ]
            for line in Output.table(header, rows) { Output.line("  " + line) }
        }
        if state.lots.isEmpty { Output.line("no stock is issued yet: warm a sale first") }
    }
}
