import Foundation
package import Storage
import TrancheAPI
import TrancheCore

/// Writes the double-entry export of one sale, from the files of ledgers and of the authority log. No process takes part.
///
/// The postings are written as the ledgers are read, so the memory does not grow with the orders; what `verify` needs does.
package struct SaleExport {
    /// What was written.
    package struct Result: Sendable, Codable {
        package let folder: String
        package let isFinal: Bool
        package let postings: Int
        package let publicKey: String
        package let lots: [Lot]
        package struct Lot: Sendable, Codable {
            package let lot: UInt32
            package let issued: Int
            package let paid: Int
            package let held: Int
            package let owed: Int
            package let settled: Int
            package let stranded: Int
            package let unsold: Int
            package let carried: Int
            package let refundsDue: Int
        }
    }
    let files: SaleFiles
    let sale: SaleConfig.Sale
    /// Whether the totals are compared with what ``Verifier`` counts, which has all orders in memory.
    let isCompared: Bool
    var lots: Set<LotID> { Set(self.sale.lots.map(\.id)) }
    var isFinal: Bool { self.sale.state == .settled }

    /// - Parameters:
    ///   - folder: The data folder: `center/` and `units/NAME/`.
    ///   - authority: The state of centers that share a server, in place of the file in `center/`.
    ///   - comparesWithVerify: Whether a final export is compared with ``Verifier``, too.
    package init(
        folder: String, authority: (any AuthorityStorage)? = nil, sale: String, comparesWithVerify: Bool = true
    ) throws(ExportError) {
        do { self.files = try SaleFiles(folder: folder, authority: authority) } catch {
            throw ExportError(error, path: folder)
        }
        guard let sale = self.files.config.sales.first(where: { $0.id == sale }) else { throw .unknownSale(sale) }
        self.sale = sale
        self.isCompared = comparesWithVerify && sale.state == .settled
    }

    /// Writes the export into a new folder, which has its name only when it is whole.
    package func write(to target: String, key: ExportKey) throws(ExportError) -> Result {
        let manager = FileManager.default
        let unfinished = target + ".unfinished"
        for path in [target, unfinished] where manager.fileExists(atPath: path) { throw .exists(path: path) }
        do {
            try manager.createDirectory(
                atPath: unfinished + "/" + ExportFile.linesFolder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch { throw ExportError(error, path: unfinished) }
        do {
            let result = try self.fill(unfinished, target, key)
            guard rename(unfinished, target) == 0 else {
                throw ExportError.io(path: target, detail: String(cString: strerror(errno)))
            }
            return result
        } catch {
            try? manager.removeItem(atPath: unfinished)
            throw ExportError(error, path: unfinished)
        }
    }

    private func fill(_ folder: String, _ target: String, _ key: ExportKey) throws -> Result {
        let judged = self.isCompared ? try self.judged() : nil
        let ledgers = try self.files.ledgers()
        let owed = try judged?.owed ?? self.files.owed(ledgers)
        var writer = try PostingWriter(in: folder)
        let read = try self.writePostings(ledgers, owed, &writer)
        var files = try writer.end()
        let totals = writer.totals
        try self.compare(totals, read, judged)
        files += try ExportFile.write(totals.csv, "totals.csv", in: folder)
        let report = ExportReport(
            sale: self.sale, units: self.files.config.units, names: ledgers.map { ($0.unit, $0.name) }, totals: totals,
            read: read, fairness: judged?.fairness ?? [],
            variants: VariantResults(
                self.sale, self.files.config, names: ledgers.map { ($0.unit, $0.name) }, read, totals,
                earlier: try self.earlierVersions()))
        files += try ExportFile.write(report.lines, "report.html", in: folder)
        let manifest = ExportManifest(
            form: ExportManifest.form, sale: self.sale.id, state: self.sale.state.rawValue, isFinal: self.isFinal,
            comparedWith: (self.isFinal ? ["accounts"] : []) + (self.isCompared ? ["verify"] : []),
            lots: self.sale.lots.map { .init(lot: $0.id.rawValue, name: $0.name) },
            // A unit that came later, or sold nothing of this sale, is no part of it.
            units: zip(ledgers, read).filter { $1.end != .empty }.map { ledger, read in
                .init(
                    unit: ledger.unit.rawValue, name: ledger.name, position: read.end.position,
                    digest: read.end.digest.description)
            }, postings: totals.postings, files: files, publicKey: key.publicText)
        try Self.sign(manifest, key, in: folder)
        return Result(
            folder: target, isFinal: self.isFinal, postings: totals.postings, publicKey: key.publicText,
            lots: self.sale.lots.map { Self.result(totals, $0.id) })
    }

    /// The sale after its opening, as each version of the configuration had it. Only of a sale whose rules differ.
    private func earlierVersions() throws -> [SaleConfig.Sale] {
        guard self.sale.variants?.isEmpty == false else { return [] }
        return try self.files.store.configVersions(limit: Int(Int32.max)).compactMap { version in
            let config = try? JSON.decode(SaleConfig.self, from: version.content)
            let sale = config?.sales.first { $0.id == self.sale.id }
            return sale.flatMap { $0.state == .open || $0.state == .paused ? $0 : nil }
        }
    }

    private static func sign(_ manifest: ExportManifest, _ key: ExportKey, in folder: String) throws {
        let bytes = JSON.encode(manifest, pretty: true) + [UInt8(ascii: "\n")]
        let signature = Array((try key.signature(of: bytes) + "\n").utf8)
        for (name, bytes) in [(ExportManifest.name, bytes), (ExportManifest.signatureName, signature)] {
            guard FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data(bytes)),
                let handle = FileHandle(forUpdatingAtPath: "\(folder)/\(name)")
            else { throw ExportError.io(path: "\(folder)/\(name)", detail: "it cannot be written") }
            try handle.synchronize()
            try handle.close()
        }
    }

    private static func result(_ totals: PostingTotals, _ lot: LotID) -> Result.Lot {
        let figures = PostingFigures(totals, lot)
        return .init(
            lot: lot.rawValue, issued: figures.issued, paid: figures.paid, held: figures.held, owed: figures.owed,
            settled: figures.settled,
            stranded: figures.stranded, unsold: figures.pool + figures.available,
            carried: figures.carried, refundsDue: totals.quantity(lot, .refundDue))
    }
}

/// Writes postings to both of their files, and adds them up.
struct PostingWriter {
    private var csv: ExportFile
    private var jsonl: ExportFile
    private(set) var totals = PostingTotals()

    init(in folder: String) throws {
        self.csv = try ExportFile("postings.csv", in: folder)
        self.jsonl = try ExportFile("postings.jsonl", in: folder)
        try self.csv.add(Posting.csvTitle)
    }

    mutating func add(_ posting: Posting) throws {
        self.totals.add(posting)
        try self.csv.add(posting.csv(self.totals.postings))
        try self.jsonl.add(posting.json(self.totals.postings))
    }

    /// Writes all, and leaves the list empty.
    mutating func take(_ postings: inout [Posting]) throws {
        for posting in postings { try self.add(posting) }
        postings.removeAll(keepingCapacity: true)
    }

    mutating func end() throws -> [ExportManifest.File] { try self.csv.end() + self.jsonl.end() }
}
