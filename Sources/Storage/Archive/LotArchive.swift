import Foundation
import GRDB
import LedgerRows
package import TrancheCore

/// The file of one lot whose sale is settled: its orders, by id. It is written once, and then only read.
///
/// The ledger names the files that count, with a digest of each. A crash before that entry leaves a file that does not count,
/// and the orders in the ledger's book.
package enum LotArchive {
    static let ordersPerDigest = 1_024

    /// The folder of the archives that belong to the ledger at `path`.
    package static func folder(of path: String) -> String {
        (path as NSString).deletingLastPathComponent + "/archive"
    }

    package static func path(_ lot: LotID, in folder: String) -> String { "\(folder)/lot-\(lot).sqlite" }

    /// Writes the file of a lot, whole and durable, or not at all.
    ///
    /// - Parameter orders: Orders of this and of other lots; those of the lot are final.
    package static func write(
        _ lot: LotID, of orders: OrderTable, in folder: String
    ) throws(StorageError) -> ArchivedLot {
        let path = self.path(lot, in: folder)
        let temporary = path + ".new"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try? FileManager.default.removeItem(atPath: temporary)
            let archived = try self.fill(temporary, lot, orders)
            try DurableFile.sync(temporary)
            try self.keepFormer(path)
            guard rename(temporary, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
            try DurableFile.sync(folder)
            return archived
        } catch { throw StorageError(error, path: path) }
    }

    /// The rows of a lot's orders, by id: the order of the digest, and of the key.
    static func rows(of lot: LotID, in orders: OrderTable) -> [(id: OrderID, row: Int)] {
        (0..<orders.count).filter { orders.order(at: $0).lot == lot }.map { (id: orders.id(at: $0), row: $0) }
            .sorted { $0.id < $1.id }
    }

    private static func fill(_ path: String, _ lot: LotID, _ orders: OrderTable) throws -> ArchivedLot {
        let rows = self.rows(of: lot, in: orders)
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        var digest = ArchiveDigest()
        try queue.write { database in
            try database.execute(
                sql: "CREATE TABLE orders (id BLOB PRIMARY KEY, form BLOB NOT NULL) WITHOUT ROWID")
            let insert = try database.makeStatement(sql: "INSERT INTO orders VALUES (?, ?)")
            for (id, row) in rows {
                let form = OrderForm.bytes(orders.order(at: row), payment: orders.payment(at: row))
                try insert.execute(arguments: [self.key(id), Data(form)])
                form.withUnsafeBytes { digest.add($0) }
            }
        }
        try queue.close()
        return ArchivedLot(lot: lot, orders: rows.count, digest: digest.value)
    }

    /// A file with other content stays beside the new one: it may be of a ledger that was replaced by an older copy, and the
    /// only one that has its orders.
    private static func keepFormer(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        if FileManager.default.contentsEqual(atPath: path, andPath: path + ".new") { return }
        var number = 1
        while FileManager.default.fileExists(atPath: "\(path).former-\(number)") { number += 1 }
        guard rename(path, "\(path).former-\(number)") == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Calls `body` for each order of a lot's file.
    ///
    /// - Returns: What the file has, by its own bytes; to be compared with what the ledger says.
    package static func forEachOrder(
        _ lot: LotID, in folder: String, _ body: (StoredOrder) -> Void
    ) throws(StorageError) -> ArchivedLot {
        let path = self.path(lot, in: folder)
        let queue = try DurableDatabase.openToRead(path)
        do {
            return try queue.read { database in
                var digest = ArchiveDigest()
                var count = 0
                let rows = try Row.fetchCursor(database, sql: "SELECT form FROM orders ORDER BY id")
                while let row = try rows.next() {
                    try row.withUnsafeData(atIndex: 0) { data in
                        try (data ?? Data()).withUnsafeBytes { bytes in
                            guard let stored = OrderForm.order(bytes) else {
                                throw StorageError.corrupt(path: path, detail: "order \(count) cannot be read")
                            }
                            body(stored)
                            digest.add(bytes)
                        }
                    }
                    count += 1
                }
                return ArchivedLot(lot: lot, orders: count, digest: digest.value)
            }
        } catch { throw StorageError(error, path: path) }
    }

    static func key(_ id: OrderID) -> Data { withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { Data($0) } }
}

/// The digest over the orders of an archive, in groups, because a hash has a price per call.
struct ArchiveDigest {
    private var digest = ChainDigest(high: 0, low: 0)
    private var group: [UInt8] = []
    private var count = 0

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        self.group.append(contentsOf: bytes)
        self.count += 1
        if self.count % LotArchive.ordersPerDigest == 0 { self.endGroup() }
    }

    private mutating func endGroup() {
        self.digest = self.group.withUnsafeBytes { HashChain.next(after: self.digest, $0) }
        self.group.removeAll(keepingCapacity: true)
    }

    var value: ChainDigest {
        mutating get {
            if !self.group.isEmpty { self.endGroup() }
            return self.digest
        }
    }
}

enum DurableFile {
    static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw CocoaError(.fileNoSuchFile) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
