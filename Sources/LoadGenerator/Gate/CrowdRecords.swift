import NIOConcurrencyHelpers
package import TrancheCore

/// The crowd's own records of its visitors, kept outside of the servers.
package final class CrowdRecords: Sendable {
    private struct Holding {
        let order: OrderID
        let quantity: Int
        /// When an unpaid reservation ends.
        let until: Instant
        var isPaid = false
    }
    private struct State {
        var figures: [VisitorKind: VisitorFigures] = [:]
        var identities: [VisitorKind: Set<String>] = [:]
        var owners: [OrderID: String] = [:]
        var holdings: [String: [Holding]] = [:]
        var mostOfOne = 0
        var doubleClicks = 0
        var splitClicks: [String] = []
    }
    private let state = NIOLockedValueBox(State())

    package init() {}

    /// A visitor comes.
    package func begin(_ kind: VisitorKind, _ buyer: String) -> VisitorLog {
        self.state.withLockedValue { state in
            state.figures[kind, default: VisitorFigures()].visitors += 1
            state.identities[kind, default: []].insert(buyer)
        }
        return VisitorLog(kind, buyer, in: self)
    }

    func change(_ kind: VisitorKind, _ body: (inout VisitorFigures) -> Void) {
        self.state.withLockedValue { body(&$0.figures[kind, default: VisitorFigures()]) }
    }

    /// An order was acknowledged to a visitor. The first one has it: whoever shows the same token later wins nothing.
    package func won(
        _ order: OrderID, quantity: Int, until: Instant, by buyer: String, _ kind: VisitorKind, now: Instant
    ) {
        self.state.withLockedValue { state in
            guard state.owners[order] == nil else { return }
            state.owners[order] = buyer
            state.figures[kind, default: VisitorFigures()].items += quantity
            state.holdings[buyer, default: []].append(Holding(order: order, quantity: quantity, until: until))
            let held = (state.holdings[buyer] ?? []).reduce(0) { sum, holding in
                holding.isPaid || holding.until > now ? sum + holding.quantity : sum
            }
            state.mostOfOne = max(state.mostOfOne, held)
        }
    }

    package func paid(_ order: OrderID) {
        self.state.withLockedValue { state in
            guard let owner = state.owners[order],
                let index = state.holdings[owner]?.firstIndex(where: { $0.order == order })
            else { return }
            state.holdings[owner]![index].isPaid = true
        }
    }

    /// Two requests for a token, sent at the same moment, were both granted.
    package func clickedTwice(_ buyer: String, _ one: OrderID, _ other: OrderID) {
        self.state.withLockedValue { state in
            state.doubleClicks += 1
            if one != other { state.splitClicks.append("\(buyer): \(one) and \(other)") }
        }
    }

    package func write(into report: inout LoadReport) {
        let state = self.state.withLockedValue { $0 }
        for (kind, figures) in state.figures {
            var figures = figures
            figures.identities = state.identities[kind]?.count ?? 0
            report.visitors[kind.rawValue] = figures
        }
        report.mostItemsOfOne = state.mostOfOne
        report.doubleClicks = state.doubleClicks
        report.splitClicks = state.splitClicks
    }
}

/// One visitor's entries in the records.
package final class VisitorLog: Sendable {
    let kind: VisitorKind
    let buyer: String
    private let records: CrowdRecords
    private let seen = NIOLockedValueBox<(stages: Set<VisitorStage>, isFast: Bool)>(([], false))

    fileprivate init(_ kind: VisitorKind, _ buyer: String, in records: CrowdRecords) {
        (self.kind, self.buyer, self.records) = (kind, buyer, records)
    }

    package func reach(_ stage: VisitorStage) {
        guard self.seen.withLockedValue({ $0.stages.insert(stage).inserted }) else { return }
        self.records.change(self.kind) { $0.reached[stage.rawValue, default: 0] += 1 }
    }

    /// - Parameter code: The refusal; `nil` for a request that was not refused.
    package func asked(gate code: String?) {
        let isFast = self.seen.withLockedValue { seen in
            if code == "too_fast" { seen.isFast = true }
            return seen.isFast
        }
        self.records.change(self.kind) { figures in
            figures.requests += 1
            guard let code else { return }
            figures.stopped[GateLayer.of(code, isFast: isFast).rawValue, default: [:]][code, default: 0] += 1
        }
    }

    /// A request to a unit.
    ///
    /// - Parameters:
    ///   - code: The refusal; `nil` for a request that was not refused.
    ///   - writes: Whether such a request can reach the ledger at all.
    package func asked(unit code: String?, writes: Bool = true) {
        self.records.change(self.kind) { figures in
            figures.requests += 1
            if writes, code.map({ !GateLayer.beforeLedger.contains($0) }) ?? true { figures.requestsAtLedgers += 1 }
            guard let code else { return }
            figures.stopped[GateLayer.unit.rawValue, default: [:]][code, default: 0] += 1
        }
    }

    func won(_ order: OrderID, quantity: Int, until: Instant, now: Instant) {
        self.reach(.order)
        self.records.won(order, quantity: quantity, until: until, by: self.buyer, self.kind, now: now)
    }

    func paid(_ order: OrderID) {
        self.reach(.paid)
        self.records.paid(order)
    }

    func clickedTwice(_ one: OrderID, _ other: OrderID) { self.records.clickedTwice(self.buyer, one, other) }
}
