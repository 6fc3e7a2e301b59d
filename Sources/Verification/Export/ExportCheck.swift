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

    package let sale: String
    package let isFinal: Bool
    package let postings: Int
    package private(set) var findings: [Finding] = []

    /// - Throws: ``ExportError`` if the folder has no export that could be checked.
    package init(_ folder: String, publicKey: ExportPublicKey) throws(ExportError) {
        let path = "\(folder)/\(ExportManifest.name)"
        guard let bytes = FileManager.default.contents(atPath: path).map({ Array($0) }),
            bytes.count <= Self.manifestBytes
        else { throw .io(path: path, detail: "it is missing, or has more than \(Self.manifestBytes) bytes") }
        let manifest: ExportManifest
        do { manifest = try JSON.decode(ExportManifest.self, from: bytes) } catch {
            throw .io(path: path, detail: "it is no manifest of an export: \(error.detail)")
        }
        guard manifest.form == ExportManifest.form else {
            throw .io(path: path, detail: "its form is \"\(manifest.form.prefix(64))\", not \(ExportManifest.form)")
        }
        (self.sale, self.isFinal, self.postings) = (manifest.sale, manifest.isFinal, manifest.postings)
        let signature = FileManager.default.contents(atPath: "\(folder)/\(ExportManifest.signatureName)") ?? Data()
        let text = String(decoding: signature.prefix(1_024), as: UTF8.self)
        if !publicKey.isSignature(text.trimmingCharacters(in: .whitespacesAndNewlines), of: bytes) {
            self.find(ExportManifest.name, nil, "it was changed, or was not signed with this key")
        }
        do {
            try self.checkFiles(manifest, folder)
            if self.findings.isEmpty { try self.checkTotals(manifest, folder) }
        } catch { throw ExportError(error, path: folder) }
    }

    private mutating func find(_ file: String, _ line: Int?, _ detail: String) {
        self.findings.append(Finding(file: file, line: line, detail: detail))
    }

    // MARK: every byte

    private mutating func checkFiles(_ manifest: ExportManifest, _ folder: String) throws {
        let listed = Set(manifest.files.map(\.name))
        let own: Set = [ExportManifest.name, ExportManifest.signatureName, ExportFile.linesFolder]
        for name in (try FileManager.default.subpathsOfDirectory(atPath: folder)).sorted()
        where !listed.contains(name) && !own.contains(name) { self.find(name, nil, "it is not a part of the export") }
        for name in listed.sorted() where name.hasPrefix("/") || name.contains("..") {
            return self.find(ExportManifest.name, nil, "it names a file outside of the folder: \"\(name.prefix(64))\"")
        }
        var bad: Set<String> = []
        for file in manifest.files where try !Self.isWhole(file, in: folder) { bad.insert(file.name) }
        for file in manifest.files where bad.contains(file.name) {
            let lines = "\(ExportFile.linesFolder)/\(file.name)"
            let line =
                listed.contains(lines) && !bad.contains(lines)
                ? try Self.firstDifference("\(folder)/\(file.name)", digests: "\(folder)/\(lines)")
                : try self.firstDifferentDigest(file.name, bad, in: folder)
            self.find(file.name, line, "it is not the file that the manifest names")
        }
    }

    private static func isWhole(_ file: ExportManifest.File, in folder: String) throws -> Bool {
        guard var lines = FileLines("\(folder)/\(file.name)") else { return false }
        var count = 0
        while try lines.next() != nil { count += 1 }
        return lines.bytes == file.bytes && count == file.lines && lines.sha256 == file.sha256
    }

    /// The first line of a file that has not its digest; the one behind the last, if only the end differs.
    private static func firstDifference(_ path: String, digests: String) throws -> Int? {
        guard var digests = FileLines(digests) else { return nil }
        var lines = FileLines(path)
        var number = 0
        while true {
            number += 1
            let (line, digest) = (try lines?.next(), try digests.next())
            guard let line, let digest else { return number }
            if Array(ExportFile.digest(of: line).utf8) != digest { return number }
        }
    }

    /// The first wrong line of a file of digests, whose own file is whole.
    private func firstDifferentDigest(_ name: String, _ bad: Set<String>, in folder: String) throws -> Int? {
        let prefix = ExportFile.linesFolder + "/"
        guard name.hasPrefix(prefix), !bad.contains(String(name.dropFirst(prefix.count))) else { return nil }
        return try Self.firstDifference(
            "\(folder)/\(name.dropFirst(prefix.count))", digests: "\(folder)/\(name)")
    }

    // MARK: sums

    /// The postings must lead to the totals: both files could be wrong from the beginning.
    private mutating func checkTotals(_ manifest: ExportManifest, _ folder: String) throws {
        let name = "postings.csv"
        guard var lines = FileLines("\(folder)/\(name)") else { return self.find(name, nil, "it is missing") }
        var totals = PostingTotals()
        var number = 0
        while let line = try lines.next() {
            number += 1
            if number == 1 { continue }
            guard Self.add(line, to: &totals, number: number - 1) else {
                return self.find(name, number, "it is no posting")
            }
        }
        if totals.postings != manifest.postings {
            self.find(name, nil, "it has \(totals.postings) postings, and the manifest \(manifest.postings)")
        }
        for lot in totals.lots {
            for measure in PostingMeasure.allCases where totals.sum(lot, measure) != 0 {
                self.find(name, nil, "lot \(lot): the balances of \(measure.rawValue) do not add up to nothing")
            }
        }
        guard var told = FileLines("\(folder)/totals.csv") else {
            return self.find("totals.csv", nil, "it is missing")
        }
        let expected = totals.csv
        for (place, line) in expected.enumerated() where try told.next() != Array(line.utf8) {
            return self.find("totals.csv", place + 1, "the postings add up to \"\(line)\"")
        }
        if try told.next() != nil { self.find("totals.csv", expected.count + 1, "no posting leads to it") }
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
