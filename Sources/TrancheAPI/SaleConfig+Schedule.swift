package import TrancheCore

// The schedule of a sale: which steps the center takes by itself, and when.

extension SaleConfig {
    /// The defaults stand for values that are not given. A sale without a schedule is left to operators.
    package struct Schedule: Hashable, Sendable, Codable {
        package var warmBeforeMilliseconds: Int64?
        package var openBeforeMilliseconds: Int64?
        package var openLateMilliseconds: Int64?
        /// Steps that operators hold.
        package var held: [SaleSchedule.Step]?
        package init(
            warmBeforeMilliseconds: Int64? = nil, openBeforeMilliseconds: Int64? = nil,
            openLateMilliseconds: Int64? = nil, held: [SaleSchedule.Step]? = nil
        ) {
            self.warmBeforeMilliseconds = warmBeforeMilliseconds
            self.openBeforeMilliseconds = openBeforeMilliseconds
            self.openLateMilliseconds = openLateMilliseconds
            self.held = held
        }

        package static let warmBeforeDefault: Int64 = 1_800_000
        package static let openBeforeDefault: Int64 = 10_000
        package static let openLateDefault: Int64 = 30_000
        /// A week: stock that is issued much earlier lies idle, and units change.
        package static let warmBeforeLimits: ClosedRange<Int64> = SaleSchedule.leadMilliseconds...604_800_000
        /// At least what units need to hear of the opening.
        package static let openBeforeLimits: ClosedRange<Int64> = SaleSchedule.leadMilliseconds...600_000
        package static let openLateLimits: ClosedRange<Int64> = 0...600_000
    }
}

extension SaleConfig {
    /// This configuration as it would be after a sale has warmed up, for a dry run.
    ///
    /// - Throws: ``Problem`` with code `invalid_config`: the sale cannot warm up.
    package func warmed(_ sale: Sale) throws(Problem) -> (config: SaleConfig, sale: Sale) {
        guard let index = self.sales.firstIndex(where: { $0.id == sale.id }) else { throw .unknownSale(sale.id) }
        var config = self
        config.take(.warm, to: .warming, at: index, startsAtMilliseconds: nil, secret: nil)
        try config.validate()
        return (config, config.sales[index])
    }
}

extension SaleConfig.Sale {
    /// As the core's rules read it; `nil` if operators take all steps.
    package var saleSchedule: SaleSchedule? {
        guard let schedule else { return nil }
        typealias Schedule = SaleConfig.Schedule
        return SaleSchedule(
            startsAt: Instant(milliseconds: self.startsAtMilliseconds),
            endsAt: Instant(milliseconds: self.endsAtMilliseconds),
            paymentWindowMilliseconds: self.lots.compactMap(\.claimWindowMilliseconds)
                .reduce(self.paymentWindowMilliseconds, max),
            warmBeforeMilliseconds: schedule.warmBeforeMilliseconds ?? Schedule.warmBeforeDefault,
            openBeforeMilliseconds: schedule.openBeforeMilliseconds ?? Schedule.openBeforeDefault,
            openLateMilliseconds: schedule.openLateMilliseconds ?? Schedule.openLateDefault,
            held: Set(schedule.held ?? []))
    }

    /// - Throws: ``Problem`` with code `invalid_config`, naming the bad value and the limit.
    func validateSchedule() throws(Problem) {
        guard let schedule, let steps = self.saleSchedule else { return }
        typealias Schedule = SaleConfig.Schedule
        for (name, value, limits) in [
            ("warmBeforeMilliseconds", steps.warmBeforeMilliseconds, Schedule.warmBeforeLimits),
            ("openBeforeMilliseconds", steps.openBeforeMilliseconds, Schedule.openBeforeLimits),
            ("openLateMilliseconds", steps.openLateMilliseconds, Schedule.openLateLimits),
        ] where !limits.contains(value) {
            throw .invalidConfig("sale \(self.id): schedule.\(name) \(value) is not in \(limits)")
        }
        guard steps.openBeforeMilliseconds <= steps.warmBeforeMilliseconds else {
            throw .invalidConfig(
                "sale \(self.id): schedule.openBeforeMilliseconds \(steps.openBeforeMilliseconds) is more than "
                    + "schedule.warmBeforeMilliseconds \(steps.warmBeforeMilliseconds): a sale warms up before it opens"
            )
        }
        let held = schedule.held ?? []
        guard Set(held).count == held.count else {
            let names = held.map(\.rawValue).joined(separator: ", ")
            throw .invalidConfig("sale \(self.id): schedule.held names a step twice: \(names)")
        }
    }

    /// This sale with a step of its schedule held, or released.
    ///
    /// - Throws: ``Problem`` `no_schedule` if operators take all steps of this sale anyway.
    package func holding(_ step: SaleSchedule.Step, _ isHeld: Bool) throws(Problem) -> Self {
        guard var schedule else {
            throw Problem(
                status: 409, code: "no_schedule",
                detail: "sale \(self.id) has no schedule: operators take its steps, and nothing has to be held")
        }
        var held = Set(schedule.held ?? [])
        if isHeld { held.insert(step) } else { held.remove(step) }
        schedule.held = held.isEmpty ? nil : held.sorted()
        var sale = self
        sale.schedule = schedule
        return sale
    }
}
