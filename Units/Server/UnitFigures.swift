import DaemonSupport
import NIOConcurrencyHelpers
import TrancheCore

/// A unit's gauges: what it holds over all lots, and its queues against their limits. Read once a second, from copies that
/// the engine leaves behind.
struct UnitFigures: Sendable {
    let engine: Engine
    let intake: Intake
    let watch: OrderWatch
    let file: ConfigFile
    let link: CenterLink
    let telemetry: Telemetry

    /// Counters of rare events exist from the start: an increase from nothing would be no increase for an alarm.
    static func begin(_ telemetry: Telemetry) {
        for (name, help) in [
            ("tranche_ledger_failures_total", "Ledger transactions that failed."),
            ("tranche_ledger_diverged_total", "Alarms about a ledger that lost commits."),
            ("tranche_disbelieved_total", "Alarms about messages that the unit ignored."),
            ("tranche_answers_total", "Answers of admission."),
            ("tranche_redis_drops_total", "Connections to Redis that were lost."),
        ] { telemetry.count(name, help, by: 0) }
        telemetry.set("tranche_redis_connected", Self.connectedHelp, to: 0)
    }

    static let connectedHelp = "1 while there is a connection to the unit's Redis."

    func setGauges() {
        let status = self.engine.currentStatus
        let sums = status.counters.values.reduce(into: (available: 0, live: 0)) { sums, counters in
            sums.available += counters.available
            sums.live += counters.live
        }
        for (state, items) in [("available", sums.available), ("live", sums.live)] {
            self.telemetry.set(
                "tranche_unit_items",
                "Items that the unit can sell, and that its buyers hold or paid for; of all lots.",
                labels: "state=\"\(state)\"", to: Double(items))
        }
        // Not by the engine, which would do it with each report: 10,000 times a second for 1,000 lots. A lot that has left
        // the configuration has no series any more, and the newest ones have series if there are more than may be.
        let lots = status.counters.sorted { $0.key > $1.key }
        self.telemetry.replace(
            "tranche_lot_available", "Items that the unit can sell.", label: "lot",
            with: lots.map { ("\($0.key)", Double($0.value.available)) })
        self.telemetry.replace(
            "tranche_lot_live", "Items held or paid for.", label: "lot",
            with: lots.map { ("\($0.key)", Double($0.value.live)) })
        self.telemetry.set(
            "tranche_unit_registered", "1 while the center has registered this unit.", to: status.isRegistered ? 1 : 0)
        self.telemetry.set(
            "tranche_center_silent_seconds", "Since the center has answered a report or registration of this unit.",
            to: Double(self.link.silentMilliseconds) / 1_000)
        self.telemetry.set(
            "tranche_unit_may_issue", "1 while the center has vouched for this unit's ledger.",
            to: status.mayIssue ? 1 : 0)
        self.telemetry.set(
            "tranche_unit_refunds", "Payments that are listed for refund.", to: Double(status.refundCount))
        self.publishProvider(status)
        self.telemetry.set(
            "tranche_lots_unprimed", "Lots that are not in Redis, and sell nothing until they are.",
            to: Double(status.unprimed.count))
        self.telemetry.set(
            "tranche_ledger_failing", "1 while the ledger takes no entries.", to: status.failure == nil ? 0 : 1)
        self.telemetry.set(
            "tranche_config_version", "The version of the configuration that the process applies.",
            to: Double(self.file.version))
        let queue = self.intake.queue
        self.telemetry.setQueue("purchases", length: queue.waiting, limit: queue.limit)
        self.telemetry.setQueue("event_streams", length: self.watch.count, limit: self.watch.mostStreams)
    }

    /// All of them are 0 in a unit without a payment provider.
    private func publishProvider(_ status: Engine.Status) {
        let desk = self.engine.parts.provider
        for (name, help, value) in [
            ("refunds_open", "Refunds that the payment provider has not carried out yet.", status.refundsOpen),
            ("provider_questions", "Orders about which the payment provider is asked.", status.questionsOpen),
            ("provider_underway", "Calls to the payment provider that are under way.", desk?.load.underway ?? 0),
            (
                "provider_unclear", "1 while the payment provider gives no clear answers.",
                desk?.isUnclear == true ? 1 : 0
            ),
        ] { self.telemetry.set("tranche_\(name)", help, to: Double(value)) }
    }
}

extension Intake {
    /// Purchases that wait for the engine, and how many may.
    var queue: (waiting: Int, limit: Int) {
        self.state.withLockedValue { ($0.requests.count, $0.shares.room) }
    }
}
