import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

// The steps of sales with a schedule, which the center takes by itself: the same steps that an operator would take.

extension Center {
    /// What stands in the audit trail in the place of an operator.
    private static let scheduleActor = "schedule"

    /// Looks at the schedules of all sales, and takes what is due.
    ///
    /// - Returns: How each schedule stands, and when to look again at the latest.
    func keepSchedules() async -> (looks: [SaleSchedule.Look], again: Instant?) {
        let known = Set(await self.book.config.sales.lazy.filter { $0.schedule != nil }.map(\.id))
        var (looks, again): ([SaleSchedule.Look], Instant?) = ([], nil)
        for id in known.sorted() {
            // Read anew: the step of another sale is a new version.
            let (config, version, rollout) = await self.book.state
            guard let sale = config.sales.first(where: { $0.id == id }), let schedule = sale.saleSchedule else {
                continue
            }
            let look = await self.look(sale, schedule, config, version: version, rollout)
            looks.append(look)
            if let next = look.again { again = min(again ?? next, next) }
        }
        self.obstacles.withLockedValue { $0 = $0.filter { known.contains($0.key) } }
        return (looks, again)
    }

    private func look(
        _ sale: SaleConfig.Sale, _ schedule: SaleSchedule, _ config: SaleConfig, version: Int, _ rollout: Rollout
    ) async -> SaleSchedule.Look {
        func look(hasObstacle: Bool) -> SaleSchedule.Look {
            schedule.look(sale.state, hasObstacle: hasObstacle, now: SystemClock.now())
        }
        let first = look(hasObstacle: false)
        guard let next = first.next else {
            self.note([], against: .settle, of: sale)
            return first
        }
        let reasons = await self.reasons(against: next, of: sale, schedule, config, rollout)
        let second = look(hasObstacle: !reasons.isEmpty)
        guard let due = second.due else {
            self.note(reasons, against: next, of: sale)
            return second
        }
        // Until it is known how this try ends, the reason of the last one stands.
        let failure = await self.take(due, of: sale, schedule, version: version)
        self.note(failure.map { [$0] } ?? [], against: due, of: sale)
        return failure == nil ? second : look(hasObstacle: true)
    }

    /// Keeps what is in the way of a step, and logs it once.
    private func note(_ reasons: [String], against step: SaleSchedule.Step, of sale: SaleConfig.Sale) {
        let new = reasons.isEmpty ? nil : FoundObstacle(step: step, reasons: reasons)
        let old = self.obstacles.withLockedValue { obstacles in
            defer { obstacles[sale.id] = new }
            return obstacles[sale.id]
        }
        guard let new, new != old else { return }
        self.keeper.logger.warning(
            "something is in the way of a schedule",
            metadata: [
                "sale": "\(sale.id)", "step": "\(step.rawValue)", "reasons": "\(reasons.joined(separator: "; "))",
            ])
    }

    /// Holds a step of a sale's schedule, or releases it.
    func hold(
        _ step: SaleSchedule.Step, of id: String, _ isHeld: Bool, actor: String, act: OperatorAct?
    ) async throws(Problem) {
        try await self.change(
            .stepHeld, actor: actor, note: "\(isHeld ? "hold" : "release") \(step.rawValue) of \(id)", act: act
        ) { (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            config.sales[index] = try config.sales[index].holding(step, isHeld)
        }
    }

    func scheduleDocument(of sale: SaleConfig.Sale) -> ScheduleDocument? {
        let obstacle = self.obstacles.withLockedValue { $0[sale.id] }
        return sale.saleSchedule.map {
            ScheduleDocument($0, sale.state, obstacle: obstacle, now: SystemClock.now())
        }
    }

    /// - Parameter version: The configuration that was looked at. A step that was held since then is not taken.
    /// - Returns: `nil` if the step was taken; otherwise why not. The next look tries again.
    private func take(
        _ step: SaleSchedule.Step, of sale: SaleConfig.Sale, _ schedule: SaleSchedule, version: Int
    ) async -> String? {
        let start = step == .open ? schedule.laterStart(openedAt: SystemClock.now()) : nil
        do throws(Problem) {
            _ = try await self.step(
                step.act, sale: sale.id, expected: version, actor: Self.scheduleActor, act: nil,
                OpenBody(startsAtMilliseconds: start?.milliseconds))
            return nil
        } catch { return "\(error.code): \(error.detail)" }
    }

    /// What is in the way of the next step, in words.
    private func reasons(
        against step: SaleSchedule.Step?, of sale: SaleConfig.Sale, _ schedule: SaleSchedule, _ config: SaleConfig,
        _ rollout: Rollout
    ) async -> [String] {
        let now = SystemClock.now()
        guard let step, schedule.isExamined(step, now: now) else { return [] }
        do throws(Problem) {
            switch step {
            case .warm: return try await self.readiness(of: config.warmed(sale), rollout).missing
            case .open:
                let opensAt = schedule.laterStart(openedAt: max(now, schedule.time(of: .open))) ?? schedule.startsAt
                try sale.checkLines(opensAt: opensAt, now: now)
                return try await self.sale(sale.id).readiness.missing
            case .settle:
                try await self.checkSettled(sale)
                return []
            case .close: return []
            }
        } catch { return ["\(error.code): \(error.detail)"] }
    }

    /// - Parameter warmed: The configuration, and the sale in it, as they would be after the warming up.
    private func readiness(
        of warmed: (config: SaleConfig, sale: SaleConfig.Sale), _ rollout: Rollout
    ) async throws(Problem) -> Readiness {
        let lots = warmed.config.plannedLots(of: warmed.sale)
        let readiness = try await self.keeper.perform { authority, _ in
            SaleReadiness(beforeWarming: lots, rollout: rollout, authority, now: SystemClock.monotonic())
        }
        return Readiness(readiness, UnitNames(warmed.config))
    }
}
