import ArgumentParser
import Simulation
import Terminal
import TrancheAPI
import TrancheCore

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Advice before a sale: units, quotas, memory, the contest, the time until it is sold out.",
        discussion: """
            The file is JSON: "sale" as in `tranche sale create --file`, "crowd" with "buyers" and "arrivals" (spans of
            "milliseconds", each with a "share" of the buyers), "regions" with "name", "share" and "oneWayMilliseconds"
            each, and "unitCapacity", the requests/s of one unit by a rehearsal of your hardware. docs/plan.md has an
            example. Each figure is printed with the way in which it came about.

            --against simulates both plans with a crowd that is drawn from the same seed, by the product's own rules,
            and without faults; a lot's last items are then sold by the units, and not contested.
            """)

    @Argument(help: "The plan's file.") var file: String
    @Option(help: "Another plan's file: simulate both, and print the difference.") var against: String?
    @Option(help: "The seed of the simulated crowd.") var seed: UInt64 = 1
    @Flag(help: "Print JSON, for scripts.") var json = false

    /// A file, its plan, and what became of it.
    struct Judged: Encodable {
        let file: String
        let plan: SalePlan
        let simulated: [SimulatedPlan]
    }

    func run() async throws {
        guard let against else {
            let plan = try Self.plan(self.file).plan
            if self.json { Output.json(plan) } else { PlanTable.print(plan) }
            return
        }
        let both = [try self.judge(self.file), try self.judge(against)]
        if self.json { Output.json(both) } else { PlanTable.print(both[0], against: both[1], seed: self.seed) }
    }

    private static func plan(_ path: String) throws -> (question: PlanQuestion, plan: SalePlan) {
        do {
            let question = try JSONFile.read(PlanDocument.self, path).question()
            return (question, try SalePlan(question))
        } catch let problem as Problem {
            throw CommandError("\(path): \(problem.detail)")
        } catch let error as PlanError {
            throw CommandError("\(path): \(error)")
        }
    }

    private func judge(_ path: String) throws -> Judged {
        let (question, plan) = try Self.plan(path)
        do throws(PlanError) {
            return Judged(
                file: path, plan: plan, simulated: try SimulatedPlan.run(question, plan, seed: self.seed))
        } catch { throw CommandError("\(path): \(error)") }
    }
}
