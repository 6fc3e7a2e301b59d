import Foundation
import Storage
import TrancheAPI
import TrancheCore

// How an export reads the files of a sale, and with what it compares its totals.

extension SaleExport {
    /// What one unit's ledger had of the sale.
    struct Read {
        let unit: UnitID
        let refusals: [LotID: Int]
        let first: Instant?
        let last: Instant?
        /// The head of the last commit with a posting: later ones change nothing here.
        let end: LedgerHead
        /// Orders of the sale, and the buyers who had one; `nil` if these were not counted.
        let orders: Int
        let buyers: Int?
        /// By the ledger's own table: items that buyers hold or have paid for.
        let live: [LotID: Int]
    }
    /// What is kept of a verification.
    struct Judged {
        let figures: [LotID: PostingFigures]
        let owed: [(unit: UnitID, order: Order)]
        let fairness: [FairnessReport]
    }

    /// The second reading: every posting, in the order of the log, of the units, and of each ledger.
    func writePostings(
        _ ledgers: [SaleFiles.Ledger], _ owed: [(unit: UnitID, order: Order)], _ writer: inout PostingWriter
    ) throws -> [Read] {
        var postings: [Posting] = []
        var log = LogPostings(lots: self.lots)
        for record in try self.files.store.log() {
            log.take(record, into: &postings)
            try writer.take(&postings)
        }
        let read = try ledgers.map { ledger in
            try self.writePostings(ledger, owed.filter { $0.unit == ledger.unit }.map(\.order), &writer)
        }
        for (unit, order) in owed where self.lots.contains(order.lot) { try writer.add(.owed(order, of: unit)) }
        log.end(writer.totals, into: &postings)
        try writer.take(&postings)
        return read
    }

    private func writePostings(_ ledger: SaleFiles.Ledger, _ owed: [Order], _ writer: inout PostingWriter) throws
        -> Read
    {
        var postings: [Posting] = []
        var machine = LedgerPostings(
            unit: ledger.unit, lots: self.lots, refunds: ledger.refunds, owed: owed,
            countsBuyers: self.sale.variants?.isEmpty == false)
        var end = LedgerHead.empty
        let result = try LedgerStream.read(ledger.location) { entry, position, head in
            machine.take(entry, at: position, into: &postings)
            guard !postings.isEmpty else { return }
            end = head
            try writer.take(&postings)
        }
        var live: [LotID: Int] = [:]
        for account in result.accounts where self.lots.contains(account.lot) {
            live[account.lot, default: 0] += account.counters.live
        }
        return Read(
            unit: ledger.unit, refusals: machine.refusals, first: machine.first, last: machine.last, end: end,
            orders: machine.orders, buyers: machine.buyers, live: live)
    }

    /// Judges the sale as `tranche verify` does, and lets go of the memory.
    ///
    /// - Throws: ``ExportError/broken(_:)`` if an invariant does not hold.
    func judged() throws -> Judged {
        let verifier = try Verifier(folder: self.files.folder, authority: self.files.store)
        let report = verifier.report()
        let broken = report.checks.filter { $0.verdict == .broken }
        guard broken.isEmpty else {
            throw ExportError.broken(broken.flatMap { check in check.findings.map { "\(check.invariant): \($0)" } })
        }
        var figures: [LotID: PostingFigures] = [:]
        for lot in report.lots where self.lots.contains(LotID(lot.lot)) { figures[LotID(lot.lot)] = lot.figures }
        let owed = verifier.lost.sorted { $0.key < $1.key }.flatMap { unit, lost in lost.live.map { (unit, $0) } }
        return Judged(
            figures: figures, owed: owed,
            fairness: verifier.contestedLots.filter { self.lots.contains($0) }.compactMap { verifier.fairness($0) })
    }

    /// - Throws: ``ExportError/differs(_:)`` if the totals of a final export are not those of another count.
    func compare(_ totals: PostingTotals, _ read: [Read], _ judged: Judged?) throws {
        guard self.isFinal else { return }
        var findings: [String] = []
        for lot in self.lots.sorted() {
            for measure in PostingMeasure.allCases where totals.sum(lot, measure) != 0 {
                findings.append("lot \(lot): the balances of \(measure.rawValue) add up to \(totals.sum(lot, measure))")
            }
            let figures = PostingFigures(totals, lot)
            for unit in read {
                let live = totals.balance(lot, .held(unit.unit)) + totals.balance(lot, .paid(unit.unit))
                guard live != unit.live[lot] ?? 0 else { continue }
                findings.append(
                    "lot \(lot), unit \(unit.unit): \(live) are live by the postings, and \(unit.live[lot] ?? 0) by "
                        + "the ledger's table")
            }
            if let judged {
                findings += figures.differences(
                    from: judged.figures[lot] ?? PostingFigures(), of: lot, by: "`tranche verify`")
            }
        }
        if !findings.isEmpty { throw ExportError.differs(findings) }
    }
}

extension VerifyReport.Lot {
    fileprivate var figures: PostingFigures {
        var figures = PostingFigures()
        (figures.issued, figures.pool, figures.available) = (self.issued, self.pool, self.available)
        (figures.held, figures.paid) = (self.held, self.paid)
        (figures.stranded, figures.owed, figures.carried) = (self.stranded, self.owed, self.carried)
        return figures
    }
}
