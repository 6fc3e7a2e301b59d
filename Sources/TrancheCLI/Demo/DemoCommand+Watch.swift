import Clusters
import LoadGenerator
import Terminal
import TrancheAPI

extension DemoCommand {
    /// Runs the crowd and draws the view, until all stock is paid for or all buyers are done.
    func watch(_ crowd: Crowd, _ arrivals: [Arrival], _ client: AdminClient, _ view: LiveView) async
        -> LoadReport
    {
        let size = self.size
        let run = Task { await crowd.run(arrivals) }
        var last: QuotaState?
        var isContested = false
        while true {
            if let state = try? await client.quota() { last = state }
            if let lot = last?.lots.first, lot.contest != nil, !isContested {
                isContested = true
                let left = lot.units.reduce(lot.pool) { $0 + max(0, $1.available) }
                view.story.note("\(left) items are left: from now on they are contested over all regions")
            }
            let now = crowd.current
            if !self.json { view.draw(last, now) }
            let isOver = view.seconds > size.seconds && now.paid >= size.stock || run.isCancelled
            if isOver || view.seconds > size.seconds + 30 { break }
            if self.alone, view.seconds > size.seconds + Double(Self.paymentWindowMilliseconds) / 1_000 + 3 { break }
            try? await Task.sleep(for: .milliseconds(400))
        }
        // All stock is paid for, so none can return: the rest of the waitlist is refused.
        run.cancel()
        try? await Task.sleep(for: .milliseconds(500))
        return crowd.current
    }
}
