import ArgumentParser
import Clusters
import Terminal
import TrancheAPI
import TrancheCore

extension SaleCommand {
    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hold a step of a sale's schedule: it is not taken until it is released.",
            discussion: """
                An opening that is released too late is missed, and `tranche sale open` opens the sale then. Operators can \
                take a held step by hand at any time.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "The step: warm, open, close or settle.") var step: SaleSchedule.Step
        func run() async throws { try await StepHold(sale: self.sale, step: self.step).set("PUT", self.common) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Release a step that was held: the schedule takes it, at once if its time has come.",
            discussion: "Releasing close or settle needs an admin, as the step itself does.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "The step: warm, open, close or settle.") var step: SaleSchedule.Step
        func run() async throws { try await StepHold(sale: self.sale, step: self.step).set("DELETE", self.common) }
    }
}

private struct StepHold {
    let sale: String
    let step: SaleSchedule.Step

    func set(_ method: String, _ common: CommonOptions) async throws {
        let document = try await common.client().call(
            method, "/v1/sales/\(self.sale)/holds/\(self.step.rawValue)", as: SaleDocument.self)
        common.show(document)
    }
}

extension SaleSchedule.Step: ExpressibleByArgument {}

/// The options of a schedule, for the commands that create and edit sales.
struct ScheduleOptions: ParsableArguments {
    @Flag(help: "Warm up, open, close and settle the sale by itself, at its times.") var schedule = false
    @Option(help: "With --schedule: how long before the start the sale warms up, as 30m (the default).")
    var warmBefore: TimeLength?
    @Option(help: "With --schedule: how long before the start it is opened for that time, as 10s (the default).")
    var openBefore: TimeLength?
    @Option(help: "With --schedule: how late the opening may be; later, you open it. As 30s (the default).")
    var openLate: TimeLength?

    func validate() throws {
        for (name, length, limits) in [
            ("--warm-before", self.warmBefore, SaleConfig.Schedule.warmBeforeLimits),
            ("--open-before", self.openBefore, SaleConfig.Schedule.openBeforeLimits),
            ("--open-late", self.openLate, SaleConfig.Schedule.openLateLimits),
        ] {
            guard let length else { continue }
            guard self.schedule else { throw ValidationError("\(name) \(length): it needs --schedule") }
            guard limits.contains(length.milliseconds) else {
                let range = [limits.lowerBound, limits.upperBound].map { TimeLength(milliseconds: $0).description }
                throw ValidationError("\(name) \(length) is not in \(range.joined(separator: "..."))")
            }
        }
    }

    /// `nil` without `--schedule`.
    var document: SaleConfig.Schedule? {
        guard self.schedule else { return nil }
        return SaleConfig.Schedule(
            warmBeforeMilliseconds: self.warmBefore?.milliseconds,
            openBeforeMilliseconds: self.openBefore?.milliseconds,
            openLateMilliseconds: self.openLate?.milliseconds)
    }
}

/// A length of time as text: a whole number and `ms`, `s`, `m`, `h` or `d`.
struct TimeLength: ExpressibleByArgument, CustomStringConvertible {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    let milliseconds: Int64

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let unit = Self.units.first { $0.name == argument.dropFirst(digits.count) }
        guard let unit, let number = Int64(digits) else { return nil }
        let (product, isOver) = number.multipliedReportingOverflow(by: unit.milliseconds)
        guard !isOver else { return nil }
        self.milliseconds = product
    }

    var description: String {
        let unit = Self.units.last { self.milliseconds >= $0.milliseconds && self.milliseconds % $0.milliseconds == 0 }
        return unit.map { "\(self.milliseconds / $0.milliseconds)\($0.name)" } ?? "\(self.milliseconds)ms"
    }
}
