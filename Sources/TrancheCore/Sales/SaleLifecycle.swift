/// The state of a sale, and the steps that it allows an operator.
package enum SaleState: String, Hashable, Sendable, Codable, CaseIterable {
    case draft, warming, open, paused, closed, settled

    package enum Step: String, Hashable, Sendable, CaseIterable {
        case warm, open, pause, resume, close, settle

        /// What must hold, beside the state, before the step is taken.
        package enum Condition: Hashable, Sendable {
            /// The sale is ready: ``SaleReadiness``. An operator may open without this.
            case readiness
            /// Every unit that could have sold something has reported what it sold: ``Settlement``.
            case settlement
        }

        package var condition: Condition? {
            switch self {
            case .open: .readiness
            case .settle: .settlement
            case .warm, .pause, .resume, .close: nil
            }
        }
    }

    /// The state after `step`, or `nil` if the step is not allowed here.
    package func after(_ step: Step) -> SaleState? {
        switch (self, step) {
        case (.draft, .warm): .warming
        case (.warming, .open): .open
        case (.open, .pause): .paused
        case (.paused, .resume): .open
        case (.open, .close), (.paused, .close), (.warming, .close): .closed
        case (.closed, .settle): .settled
        default: nil
        }
    }

    /// The steps that are allowed here.
    package var steps: [Step] { Step.allCases.filter { self.after($0) != nil } }

    /// The phase of the sale's lots in a unit; `nil` while units do not have the sale.
    package var phase: LotRules.Phase? {
        switch self {
        case .draft: nil
        case .warming: .warming
        case .open: .open
        case .paused: .paused
        case .closed, .settled: .closed
        }
    }

    /// Whether nothing of the sale can be sold any more.
    package func isOver(endsAt: Instant, now: Instant) -> Bool { self.phase == .closed || endsAt <= now }
}
