import ArgumentParser
import Clusters
import Terminal
import TrancheAPI
import TrancheCore

struct OutboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox", abstract: "Look at those who are told of every order, and repeat what they missed.",
        subcommands: [List.self, Dead.self, Revive.self, Replay.self, Enable.self, Rate.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the consumers of all units.")
        @OptionGroup var common: CommonOptions
        func run() async throws {
            let client = try self.common.client()
            var found: [(unit: String, consumer: ConsumerDocument)] = []
            for unit in client.layout.units {
                found += try await client.consumers(unit).map { (unit.name, $0) }
            }
            if self.common.json { return Output.json(found.map { UnitConsumer(unit: $0.unit, consumer: $0.consumer) }) }
            let rows = found.map { unit, one in
                [
                    unit, one.consumer, one.state, Output.number(Int(clamping: one.lag)), Output.number(one.delivered),
                    Output.number(one.retried), Output.number(one.waiting), Output.number(one.dead),
                    one.perSecond.map { "\($0)/s" } ?? "-", one.replayUpTo.map { "up to \($0)" } ?? "-",
                ]
            }
            for line in Output.table(
                ["unit", "consumer", "state", "lag", "delivered", "retried", "waiting", "dead", "rate", "replay"], rows)
            { Output.line(line) }
        }
    }

    private struct UnitConsumer: Encodable {
        let unit: String
        let consumer: ConsumerDocument
    }

    struct Target: ParsableArguments {
        @Argument(help: "The consumer, by name.") var consumer: String
        @Option(help: "The unit, by name.") var unit: String

        func unit(_ client: AdminClient) throws -> ClusterLayout.Unit {
            let id = try client.unit(self.unit)
            return client.layout.units.first { $0.id == id }!
        }
    }

    struct Dead: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the events that were given up.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var target: Target
        func run() async throws {
            let client = try self.common.client()
            let unit = try self.target.unit(client)
            var all: [DeadLetterDocument] = []
            while true {
                let page = try await client.deadLetters(self.target.consumer, unit, after: all.last)
                if page.isEmpty { break }
                all += page
            }
            if self.common.json { return Output.json(all) }
            for line in Output.table(
                ["id", "type", "order", "tries", "died", "last reason"],
                all.map { [$0.id, $0.type, "\($0.order)", "\($0.tries)", $0.diedAt, $0.reason] })
            { Output.line(line) }
        }
    }

    struct Revive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try dead letters again, 10,000 at a time, and waiting ones at once.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var target: Target
        func run() async throws {
            try await self.target.act(ConsumerAct(act: .revive), self.common, "tries its letters again")
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a range of the journal once more, under the same ids.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var target: Target
        @Option(help: "The first position; an event's id is unit:generation:position:index.") var from: UInt64
        @Option(help: "The last position.") var to: UInt64
        func validate() throws {
            guard (1...Limits.position).contains(self.from), (self.from...Limits.position).contains(self.to) else {
                throw ValidationError(
                    "--from \(self.from) --to \(self.to) is not a range in 1...\(Limits.position)")
            }
        }
        func run() async throws {
            try await self.target.act(
                ConsumerAct(act: .replay, from: self.from, to: self.to), self.common,
                "gets positions \(self.from) to \(self.to) once more")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send again to a receiver that had said, with 410, that it is gone.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var target: Target
        func run() async throws {
            try await self.target.act(ConsumerAct(act: .enable), self.common, "is enabled")
        }
    }

    struct Rate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change how many events a second a consumer gets, until the unit's next start.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var target: Target
        @Option(help: "Events in any second, at most; no limit if not given.") var perSecond: Int?
        func validate() throws {
            if let perSecond { try Checks.number("--per-second", perSecond, in: 1...Limits.requestsPerWindow) }
        }
        func run() async throws {
            try await self.target.act(
                ConsumerAct(act: .rate, perSecond: self.perSecond), self.common,
                self.perSecond.map { "gets \($0) events a second at most" } ?? "has no limit")
        }
    }
}

extension OutboxCommand.Target {
    fileprivate func act(_ act: ConsumerAct, _ common: CommonOptions, _ done: String) async throws {
        let client = try common.client()
        try await client.act(act, self.consumer, try self.unit(client))
        if !common.json { Output.line("\(self.consumer) of \(self.unit) \(done)") }
    }
}
