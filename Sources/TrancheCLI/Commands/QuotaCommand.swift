import ArgumentParser
import Storage
import TrancheAPI
import TrancheCore
import Verification

struct StockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock", abstract: "Add stock, also while a sale runs.", subcommands: [Add.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add items to a lot's pool; the coordinator passes them on.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The lot's number.") var lot: UInt32
        @Argument(help: "Items to add.") var items: Int
        func run() async throws {
            let state = try await self.common.client().call(
                "POST", "/v1/lots/\(self.lot)/stock", StockBody(add: self.items), as: QuotaState.self)
            self.common.show(state)
        }
    }
}

struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "Look at quota, and move it by hand.",
        subcommands: [Show.self, Move.self, Rebalance.self, Freeze.self, Settle.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show who holds what.")
        @OptionGroup var common: CommonOptions
        func run() async throws { self.common.show(try await self.common.client().quota()) }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move quota from one unit to another, and wait for it.",
            discussion:
                "A unit gives back only what it has not sold: the move takes what it can, and says how much that was.")
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "Unit that gives, by name.") var from: String
        @Option(help: "Unit that takes, by name.") var to: String
        @Option(help: "Items to move.") var items: Int
        @Option(help: "Seconds to wait.") var wait = 15
        @Flag(help: "Only say what would be done.") var dryRun = false

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
            let rest = move.moved < move.asked ? " (\(self.from) had no more to give)" : ""
            Output.line("moved \(move.moved) of \(move.asked) from \(self.from) to \(self.to)\(rest)")
        }
    }

    struct Rebalance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Even out now: every unit gets an equal share of what is still unsold, by moves.")
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
                    let move = try await client.call("POST", "/v1/quota/moves", body, as: QuotaAuthority.Move.self)
                    try await client.finish(move)
                }
            }
            if !self.dryRun { self.common.show(try await client.quota()) }
        }
    }

    struct Freeze: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep the coordinator off a lot; --off gives it back.")
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Flag(help: "End the freeze.") var off = false
        func run() async throws {
            let body = FreezeBody(frozen: !self.off)
            self.common.show(
                try await self.common.client().call("POST", "/v1/lots/\(self.lot)/freeze", body, as: QuotaState.self))
        }
    }

    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Settle stranded quota: say how much of it was really sold; the rest returns to the pool.",
            discussion: """
                Without --sold the count is taken from the unit's folder: from its ledger, and from ledgers that were replaced by
                an older copy, if they lie in the folder lost/. Settle when nothing of the generation waits for payment any
                more; a settlement can be corrected downwards later.
                """)
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "The unit, by name.") var unit: String
        @Option(help: "Generation of the unit's ledger, as `quota show` lists it.") var generation: UInt32
        @Option(help: "Items that were really sold; counted from the unit's files if not given.") var sold: Int?
        func run() async throws {
            let client = try self.common.client()
            let sold = try self.sold ?? self.count()
            let body = SettleBody(
                lot: LotID(self.lot), unit: try client.unit(self.unit), generation: Generation(self.generation),
                sold: sold)
            self.common.show(try await client.call("POST", "/v1/quota/settle", body, as: QuotaState.self))
        }

        /// Counts only where the count can be relied on.
        private func count() throws -> Int {
            let folder = self.common.folder.unit(self.unit)
            let count = try LostLedgers.count(
                unitFolder: folder, lot: LotID(self.lot), generation: Generation(self.generation))
            guard count.undecided == 0 else {
                throw CommandError(
                    "\(count.undecided) items of the generation wait for payment in the unit's ledger: settle when they are decided, or give --sold"
                )
            }
            if count.hasMovedOn {
                guard count.lostLedgers > 0 else {
                    throw CommandError(
                        "the ledger was replaced, and \(folder)/\(LostLedgers.folder) holds no older one: what it sold cannot be counted; give --sold"
                    )
                }
            } else {
                do { _ = try FolderLock(folder: folder) } catch {
                    throw CommandError("\(error): a unit that still sells cannot be counted; stop it, or give --sold")
                }
            }
            return count.sold
        }
    }
}

struct UnitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unit", abstract: "Look at units, and drain them.", subcommands: [List.self, Drain.self])

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
                    unit.isDrained ? "drained" : "active",
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
            abstract: "Take a unit's unsold quota back and give it no more; wait until it has none. --off ends it.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The unit, by name.") var unit: String
        @Option(help: "Seconds to wait.") var wait = 15
        @Flag(help: "End the drain.") var off = false
        @Flag(help: "Only say what would be done.") var dryRun = false
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
            Output.line(self.off ? "\(self.unit) takes part again" : "\(self.unit) is drained")
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
            let frozen = contest + (lot.isFrozen ? ", frozen" : "")
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
        if state.lots.isEmpty { Output.line("no stock was issued yet: warm a sale first") }
    }
}
