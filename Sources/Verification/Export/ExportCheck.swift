import Foundation
import TrancheAPI
import TrancheCore

/// Checks an export that somebody kept: its signature, every byte, and that its postings add up to its totals.
package struct ExportCheck: Sendable, Codable {
    package struct Finding: Sendable, Codable, Hashable, CustomStringConvertible {
        package let file: String
        /// The first line that is not the one that was written, from 1; `nil` if it cannot be known.
        package let line: Int?
        package let detail: String

        package var description: String {
            "\(self.file)\(self.line.map { ", line \($0)" } ?? ""): \(self.detail)"
        }
    }
    private static let manifestBytes = 16 << 20
    private static let signatureBytes = 1_024

    /// Empty if the signature is not right.
    package let sale: String
    package let isFinal: Bool
    package let postings: Int
    package private(set) var findings: [Finding] = []

    /// - Parameters:
    ///   - sale: The sale that it has to be of; any sale if it is `nil`.
    ///   - allowsPreliminary: Whether an export from before the settlement is good enough.
    /// - Throws: ``ExportError`` if the folder has no export that could be checked.
    package init(
        _ folder: String, publicKey: ExportPublicKey, sale wanted: String? = nil, allowsPreliminary: Bool = false
    ) throws(ExportError) {
        let path = "\(folder)/\(ExportManifest.name)"
        guard let bytes = Self.bytes(of: path, limit: Self.manifestBytes) else {
            throw .io(
                path: path, detail: "it is missing, no regular file, or has more than \(Self.manifestBytes) bytes")
        }
        let signature = Self.bytes(of: "\(folder)/\(ExportManifest.signatureName)", limit: Self.signatureBytes) ?? []
        let text = String(decoding: signature, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard publicKey.isSignature(text, of: bytes) else {
            // Nothing that it says is read: whoever wrote it may name any file.
            (self.sale, self.isFinal, self.postings) = ("", false, 0)
            self.addFinding(ExportManifest.name, nil, "it was changed, or was not signed with this key")
            return
        }
        let manifest: ExportManifest
        do { manifest = try JSON.decode(ExportManifest.self, from: bytes) } catch {
            throw .io(path: path, detail: "it is no manifest of an export: \(error.detail)")
        }
        guard manifest.form == ExportManifest.form else {
            throw .io(path: path, detail: "its form is \"\(manifest.form.prefix(64))\", not \(ExportManifest.form)")
        }
        (self.sale, self.isFinal, self.postings) = (manifest.sale, manifest.isFinal, manifest.postings)
        do {
            try self.checkFiles(manifest, folder)
            if self.findings.isEmpty { try self.checkTotals(manifest, folder) }
        } catch { throw ExportError(error, path: folder) }
        // A genuine export of something else proves nothing about this sale.
        if let wanted, wanted != manifest.sale {
            self.addFinding(
                ExportManifest.name, nil, "it is of the sale \"\(manifest.sale)\", and not of \"\(wanted)\"")
        }
        if !manifest.isFinal, !allowsPreliminary {
            self.addFinding(ExportManifest.name, nil, "it is preliminary: the sale was not settled when it was written")
        }
    }

    mutating func addFinding(_ file: String, _ line: Int?, _ detail: String) {
        self.findings.append(Finding(file: Self.printable(file), line: line, detail: detail))
    }

    /// A name in somebody else's folder could move the cursor of a terminal, or turn the direction of its text.
    private static func printable(_ name: String) -> String {
        name.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                text += scalar.escaped(asASCII: true)
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    // MARK: sums

    /// The postings must lead to the totals: both files could be wrong from the beginning.
    private mutating func checkTotals(_ manifest: ExportManifest, _ folder: String) throws {
        let name = "postings.csv"
        guard var lines = FileLines("\(folder)/\(name)") else { return self.addFinding(name, nil, "it is missing") }
        var totals = PostingTotals()
        var number = 0
        while let line = try lines.next() {
            number += 1
            if number == 1 { continue }
            guard Self.add(line, to: &totals, number: number - 1) else {
                return self.addFinding(name, number, "it is no posting")
            }
        }
        if totals.postings != manifest.postings {
            self.addFinding(name, nil, "it has \(totals.postings) postings, and the manifest \(manifest.postings)")
        }
        for lot in totals.lots {
            for measure in PostingMeasure.allCases where totals.sum(lot, measure) != 0 {
                self.addFinding(name, nil, "lot \(lot): the balances of \(measure.rawValue) do not add up to nothing")
            }
        }
        guard var told = FileLines("\(folder)/totals.csv") else {
            return self.addFinding("totals.csv", nil, "it is missing")
        }
        let expected = totals.csv
        for (place, line) in expected.enumerated() where try told.next() != Array(line.utf8) {
            return self.addFinding("totals.csv", place + 1, "the postings add up to \"\(line)\"")
        }
        if try told.next() != nil { self.addFinding("totals.csv", expected.count + 1, "no posting leads to it") }
    }

    /// The first seven fields of a posting have no quotes.
    private static func add(_ line: [UInt8], to totals: inout PostingTotals, number: Int) -> Bool {
        let fields = String(decoding: line, as: UTF8.self).split(
            separator: ",", maxSplits: 7, omittingEmptySubsequences: false)
        guard fields.count == 8, Int(fields[0]) == number, let lot = UInt32(fields[1]),
            Posting.Kind(rawValue: String(fields[2])) != nil, let quantity = Int(fields[4]),
            (1...Limits.counter).contains(quantity), let from = PostingAccount(fields[5]),
            let to = PostingAccount(fields[6]), from.measure == to.measure, from.measure.rawValue == fields[3]
        else { return false }
        totals.add(LotID(lot), from: from, to: to, quantity)
        return true
    }
}
