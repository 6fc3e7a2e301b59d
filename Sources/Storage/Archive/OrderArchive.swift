import Foundation
import GRDB
import LedgerRows
import NIOConcurrencyHelpers
package import TrancheCore

/// Finds orders in the archives of settled lots, on the caller's thread.
///
/// A look-up reads a page or two of each file, so there are only some of them in a second: strangers can ask for any id.
package final class OrderArchive: Sendable {
    /// Look-ups in one second, at most; one more is refused as overloaded.
    package static let lookupsPerSecond = 1_000
    /// Files that are open at a time, at most.
    static let openFiles = 16

    package enum Found: Sendable {
        case order(StoredOrder)
        case unknown
        /// Too many look-ups in this second.
        case overloaded
        /// A file cannot be read now.
        case unreadable
    }

    private struct State {
        /// The newest first.
        var lots: [LotID] = []
        var open: [(lot: LotID, file: DatabaseQueue)] = []
        var second: Int64 = 0
        var lookups = 0
    }
    private let folder: String
    private let state = NIOLockedValueBox(State())

    /// - Parameter folder: See ``LotArchive/folder(of:)``.
    package init(folder: String) { self.folder = folder }

    package var isEmpty: Bool { self.state.withLockedValue { $0.lots.isEmpty } }

    package func has(_ lot: LotID) -> Bool { self.state.withLockedValue { $0.lots.contains(lot) } }

    /// Sets the lots that the ledger names as archived.
    package func set(_ lots: [LotID]) { self.state.withLockedValue { $0.lots = lots.sorted(by: >) } }

    /// - Parameters:
    ///   - lot: `nil` if the lot is not known: every file is asked.
    ///   - second: The present second of any clock; `nil` for a caller with a signature, whose look-ups have no limit.
    package func order(_ id: OrderID, lot: LotID? = nil, second: Int64?) -> Found {
        self.state.withLockedValue { state in
            let lots = lot.map { lot in state.lots.filter { $0 == lot } } ?? state.lots
            guard !lots.isEmpty else { return .unknown }
            if let second {
                if state.second != second { (state.second, state.lookups) = (second, 0) }
                guard state.lookups < Self.lookupsPerSecond else { return .overloaded }
                state.lookups += 1
            }
            do {
                for lot in lots {
                    if let stored = try self.stored(id, lot, &state) { return .order(stored) }
                }
                return .unknown
            } catch { return .unreadable }
        }
    }

    private func stored(_ id: OrderID, _ lot: LotID, _ state: inout State) throws -> StoredOrder? {
        try self.file(lot, &state).read { database in
            guard
                let form = try Data.fetchOne(
                    database, sql: "SELECT form FROM orders WHERE id = ?", arguments: [LotArchive.key(id)])
            else { return nil }
            guard let stored = form.withUnsafeBytes({ OrderForm.order($0) }) else {
                throw StorageError.corrupt(path: LotArchive.path(lot, in: self.folder), detail: "order \(id)")
            }
            return stored
        }
    }

    private func file(_ lot: LotID, _ state: inout State) throws -> DatabaseQueue {
        if let open = state.open.first(where: { $0.lot == lot }) { return open.file }
        let file = try DurableDatabase.openToRead(LotArchive.path(lot, in: self.folder))
        if state.open.count >= Self.openFiles { state.open.removeFirst() }
        state.open.append((lot, file))
        return file
    }
}
