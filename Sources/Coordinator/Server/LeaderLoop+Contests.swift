import DaemonSupport
import Logging
import TrancheAPI
import TrancheCore

// How a leader reads contests from the log: the state in pages, and earlier verdicts when a unit asks for them.

extension LeaderLoop {
    /// Reads a contest page by page. The desk gets it when it is whole, so nothing is decided before.
    ///
    /// If the pages do not fit together, the next round begins again with the first one.
    func takeOver(_ lot: LotID, _ stock: ContestMerge.Stock, _ epoch: Epoch) async throws {
        let begin = ContinuousClock.now
        var (reading, secret, pages) = (ContestReading(lot, for: epoch), "", 0)
        do {
            while reading.finished == nil {
                let envelope = try await self.page(reading, epoch)
                try reading.take(envelope.page)
                (secret, pages) = (envelope.tieSecret, pages + 1)
            }
        } catch let error as ContestPageError {
            return self.logger.warning("a contest cannot be read", metadata: ["lot": "\(lot)", "error": "\(error)"])
        } catch let problem as Problem where ["batch_out_of_turn", "page_out_of_range"].contains(problem.code) {
            return self.logger.warning("a contest has changed", metadata: ["lot": "\(lot)"])
        }
        guard let book = reading.finished else { return }
        self.desk.add(lot, book, tieSecret: secret, stock)
        self.telemetry.set(
            "tranche_contest_takeover_seconds", "How long this leader read the last contest that it took over.",
            to: (ContinuousClock.now - begin) / .seconds(1))
        self.logger.info(
            "contest",
            metadata: ["lot": "\(lot)", "pool": "\(stock.pool)", "passed": "\(book.passedCount)", "pages": "\(pages)"])
    }

    private func page(_ reading: ContestReading, _ epoch: Epoch) async throws -> ContestPageEnvelope {
        let batches = reading.batches.map { "&batches=\($0)" } ?? ""
        return try ContestPageWire.page(
            try await self.call(
                "GET", "/contests/\(reading.lot)?epoch=\(epoch.rawValue)&from=\(reading.next)\(batches)", nil))
    }

    /// Fetches earlier verdicts. Without an answer the unit asks again.
    func recall(_ missing: ContestDesk.Missing, _ epoch: Epoch) async throws {
        let path = "/contests/\(missing.lot)/verdicts?epoch=\(epoch.rawValue)&unit=\(missing.unit)&from=\(missing.from)"
        let page = try ContestPageWire.verdicts(try await self.call("GET", path, nil))
        guard page.lot == missing.lot, page.unit == missing.unit, page.from == missing.from else { return }
        self.desk.recall(page)
    }
}
