import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import TrancheCore

/// The lists of buyers and addresses that rules name: files in one folder, a line each, read again when they change.
///
/// `NAME.buyers` has buyers, `NAME.addresses` has addresses and ranges; empty lines and lines that begin with `#` are
/// skipped. A file that cannot be read, or has a bad line, leaves the list as it was: a typing error must not open a
/// sale to everybody, nor close it.
final class ListFiles: Sendable {
    static let everyMilliseconds = 500
    /// A million buyers with names of 64 bytes.
    static let bytesLimit = 128 << 20
    static let listsLimit = 64

    private struct Known: Equatable {
        let modified: Date
        let size: Int
    }
    private let folder: String
    private let house: Gatehouse
    private let hash: SipHash
    private let logger: Logger
    private let known = NIOLockedValueBox<[String: Known]>([:])

    init(folder: String, house: Gatehouse, logger: Logger) {
        (self.folder, self.house, self.logger) = (folder, house, logger)
        var random = SystemRandomNumberGenerator()
        self.hash = SipHash(key: (random.next(), random.next()))
    }

    func run() async {
        guard !self.folder.isEmpty else { return }
        while !Task.isCancelled {
            self.refresh()
            try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
        }
    }

    /// Reads the files that are new or have changed.
    func refresh() {
        guard !self.folder.isEmpty else { return }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.folder)) ?? []
        for file in names.sorted().prefix(Self.listsLimit) {
            let path = "\(self.folder)/\(file)"
            guard let facts = try? FileManager.default.attributesOfItem(atPath: path),
                let modified = facts[.modificationDate] as? Date, let size = facts[.size] as? Int
            else { continue }
            let found = Known(modified: modified, size: size)
            guard self.known.withLockedValue({ $0[file] != found }) else { continue }
            self.known.withLockedValue { $0[file] = found }
            self.read(path, file, size)
        }
    }

    private func read(_ path: String, _ file: String, _ size: Int) {
        let parts = file.split(separator: ".")
        guard parts.count == 2, let kind = parts.last, kind == "buyers" || kind == "addresses" else { return }
        guard size <= Self.bytesLimit, let data = FileManager.default.contents(atPath: path) else {
            return self.logger.error("the list \(path) stays as it was: \(size) bytes, at most \(Self.bytesLimit)")
        }
        let name = String(parts[0])
        let lines = data.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        do {
            if kind == "buyers" {
                let buyers = try lines.map { line in
                    guard let buyer = BuyerID(line) else { throw BadLine(text: line) }
                    return buyer
                }
                let set = BuyerSet(buyers, hash: self.hash)
                self.house.machine.withLockedValue { $0.lists.buyers[name] = set }
            } else {
                let set = try AddressSet(texts: lines)
                self.house.machine.withLockedValue { $0.lists.addresses[name] = set }
            }
            self.logger.info("list read", metadata: ["list": "\(file)", "entries": "\(lines.count)"])
        } catch { self.logger.error("the list \(path) stays as it was: \(error)") }
    }

    private struct BadLine: Error, CustomStringConvertible {
        let text: String
        var description: String { "\"\(self.text.prefix(64))\" is not a buyer: expected \(BuyerID.rule)" }
    }
}
