import LedgerRows
import NIOConcurrencyHelpers
import PostgresClient
import Threads
import TrancheCore

/// Looks orders up in the ledger's database, over a connection of its own.
///
/// The callers are threads that serve buyers. So nobody waits long for a server: an answer has a quarter of a second, a
/// connection that fails is made anew by a thread of its own, and until then everything is unreadable.
final class OrderRows: OrderSource, @unchecked Sendable {  // The connection is behind the lock.
    /// Behind a failure, before the next attempt to connect.
    private static let pause = Duration.seconds(1)

    private struct State {
        var connection: PostgresConnection?
        var isConnecting = false
        var failedAt: ContinuousClock.Instant?
        /// Lots that were archived in files, before the ledger came into the database.
        var lotsInFiles: [LotID] = []
    }
    private let target: PostgresTarget
    private let limits: PostgresConnection.Limits
    private let files: OrderFiles
    private let state = NIOLockedValueBox(State())

    init(_ target: PostgresTarget, _ settings: PostgresLedger.Settings, files: OrderFiles) {
        var limits = settings.limits
        limits.answerMilliseconds = settings.lookupMilliseconds
        (self.target, self.limits, self.files) = (target, limits, files)
    }

    var timePerSecond: Duration { .milliseconds(300) }

    /// The ledger's thread waits for the same server anyway.
    func open(_ lots: [LotID]) {
        let inFiles = lots.filter { ArchiveLocation.hasFile($0, in: self.files.folder) }
        let begins = self.state.withLockedValue { state in
            state.lotsInFiles = inFiles
            return Self.beginConnecting(&state)
        }
        if begins { self.connect() }
    }

    func order(_ id: OrderID, in lots: [LotID]) throws -> StoredOrder? {
        if let stored = try self.row(id) { return lots.contains(stored.order.lot) ? stored : nil }
        let inFiles = self.state.withLockedValue { state in lots.filter(state.lotsInFiles.contains) }
        return inFiles.isEmpty ? nil : try self.files.order(id, in: inFiles)
    }

    private func row(_ id: OrderID) throws -> StoredOrder? {
        let result: Result<StoredOrder?, any Error>? = self.state.withLockedValue { state in
            guard let connection = state.connection else { return nil }
            do { return .success(try self.row(id, connection)) } catch {
                if connection.isClosed { (state.connection, state.failedAt) = (nil, .now) }
                return .failure(error)
            }
        }
        if let result { return try result.get() }
        if self.state.withLockedValue({ Self.beginConnecting(&$0) }) {
            OwnedThread.start("archive-orders") { self.connect() }
        }
        throw StorageError.io(path: "\(self.target)", detail: "there is no connection to the archive")
    }

    private func row(_ id: OrderID, _ connection: PostgresConnection) throws -> StoredOrder? {
        let rows = try connection.run(
            PostgresStatement(
                "SELECT form FROM archived_orders WHERE id = $1", [.bytes([UInt8](LotArchive.key(id)))]))
        guard rows.count == 1 else { return nil }
        guard let stored = rows.withBytes(0, 0, { OrderForm.order($0) }) ?? nil else {
            throw StorageError.corrupt(path: "\(self.target)", detail: "order \(id) in its archive cannot be read")
        }
        return stored
    }

    /// Whether the caller makes the connection now.
    private static func beginConnecting(_ state: inout State) -> Bool {
        let waits = state.failedAt.map { ContinuousClock.now - $0 < Self.pause } ?? false
        guard state.connection == nil, !state.isConnecting, !waits else { return false }
        state.isConnecting = true
        return true
    }

    private func connect() {
        let connection = try? PostgresConnection(self.target, application: "tranche-orders", limits: self.limits)
        self.state.withLockedValue { state in
            (state.connection, state.isConnecting) = (connection, false)
            state.failedAt = connection == nil ? .now : nil
        }
    }
}
