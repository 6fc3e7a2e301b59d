/// The times at which a sale's steps are taken without an operator.
///
/// What is due follows from the configuration and the clock alone. So a center that was restarted, or took the lead over,
/// takes the step that is due now, and none twice: a step that was taken has changed the sale's state.
///
/// | step | its time | late |
/// |---|---|---|
/// | warm | `warmBeforeMilliseconds` before the start | until the end: without it nobody could open the sale by hand |
/// | open | `openBeforeMilliseconds` before the start: units and pages learn of it in time | until `openLateMilliseconds` after the start; then an operator opens the sale |
/// | close | the end | at any time, but only a sale that is open: the schedule ends no pause |
/// | settle | the end, and the payment window of the last order | at any time |
package struct SaleSchedule: Hashable, Sendable {
    package enum Step: String, Hashable, Sendable, Codable, CaseIterable {
        case warm, open, close, settle

        /// What an operator would do.
        package var act: SaleState.Step {
            switch self {
            case .warm: .warm
            case .open: .open
            case .close: .close
            case .settle: .settle
            }
        }
    }

    /// How one step stands.
    package enum Standing: Hashable, Sendable {
        /// It was taken, by whomever, or another step made it needless.
        case done
        /// Its time has not come, and nothing is known that is in its way.
        case waiting
        /// An operator holds it: it is taken when it is released, if it is not too late then.
        case held
        case due
        case blocked(Obstacle)
        /// It would come too late, and is left to an operator.
        case missed
    }
    package enum Obstacle: Hashable, Sendable {
        /// An operator has paused the sale, and may want to go on after its end.
        case paused
        /// The sale was never opened: there is nothing to close.
        case unopened
        /// What the step needs does not hold now, or it has just failed.
        case found
    }

    package struct Look: Hashable, Sendable {
        /// In the order of ``Step/allCases``.
        package let standings: [Standing]
        /// The step that comes next; `nil` in a settled sale.
        package let next: Step?
        /// When to look again; `nil`: nothing happens by itself any more, unless the configuration changes.
        package let again: Instant?
        package subscript(step: Step) -> Standing { self.standings[Step.allCases.firstIndex(of: step) ?? 0] }
        /// The step that is to be taken now.
        package var due: Step? { self.next.flatMap { self[$0] == .due ? $0 : nil } }
    }

    /// How long before its time a step is examined, so that what is in its way is known early.
    package static let examinedMilliseconds: Int64 = 3_600_000
    /// The pause between two examinations before a step's time.
    package static let pauseMilliseconds: Int64 = 1_000
    /// The pause before a step that could not be taken is tried again. Shorter, because several sales may open at the same
    /// time: each step is a version of the configuration, and the next sale is not ready until all units have that.
    package static let retryMilliseconds: Int64 = 250
    /// A sale that opens late starts so much later, in all regions at the same moment: units need this long to hear of it.
    package static let leadMilliseconds: Int64 = 2_000

    package let startsAt: Instant
    package let endsAt: Instant
    package let paymentWindowMilliseconds: Int64
    package let warmBeforeMilliseconds: Int64
    package let openBeforeMilliseconds: Int64
    package let openLateMilliseconds: Int64
    package let held: Set<Step>

    package init(
        startsAt: Instant, endsAt: Instant, paymentWindowMilliseconds: Int64, warmBeforeMilliseconds: Int64,
        openBeforeMilliseconds: Int64, openLateMilliseconds: Int64, held: Set<Step>
    ) {
        (self.startsAt, self.endsAt) = (startsAt, endsAt)
        self.paymentWindowMilliseconds = paymentWindowMilliseconds
        self.warmBeforeMilliseconds = warmBeforeMilliseconds
        self.openBeforeMilliseconds = openBeforeMilliseconds
        self.openLateMilliseconds = openLateMilliseconds
        self.held = held
    }

    package func time(of step: Step) -> Instant {
        switch step {
        case .warm: self.startsAt.advanced(milliseconds: -self.warmBeforeMilliseconds)
        case .open: self.startsAt.advanced(milliseconds: -self.openBeforeMilliseconds)
        case .close: self.endsAt
        case .settle: self.endsAt.advanced(milliseconds: self.paymentWindowMilliseconds)
        }
    }

    /// From this moment on the step is missed; `nil`: it is taken however late.
    package func limit(of step: Step) -> Instant? {
        switch step {
        case .warm: self.endsAt
        case .open: min(self.endsAt, self.startsAt.advanced(milliseconds: self.openLateMilliseconds))
        case .close, .settle: nil
        }
    }

    /// The start of a sale that is opened at `now`; `nil` if it stays as it is.
    package func laterStart(openedAt now: Instant) -> Instant? {
        let earliest = now.advanced(milliseconds: Self.leadMilliseconds)
        return earliest > self.startsAt ? earliest : nil
    }
}
