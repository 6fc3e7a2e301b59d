import NIOConcurrencyHelpers
package import TrancheCore

/// Finds orders in the archives of settled lots, on the caller's thread.
///
/// A look-up reads a page or two of each file, or asks a server, so there are only some of them in a second: strangers
/// can ask for any id.
package final class OrderArchive: Sendable {
    /// Look-ups in one second, at most; one more is refused as overloaded.
    package static let lookupsPerSecond = 1_000

    package enum Found: Sendable {
        case order(StoredOrder)
        case unknown
        /// Too many look-ups in this second.
        case overloaded
        /// An archive cannot be read now.
        case unreadable
    }

    private struct State {
        /// The newest first.
        var lots: [LotID] = []
        var second: Int64 = 0
        var lookups = 0
        /// What the look-ups of this second have taken.
        var spent = Duration.zero
    }
    private let source: any OrderSource
    private let state = NIOLockedValueBox(State())

    package init(_ location: ArchiveLocation) {
        switch location {
        case .folder(let folder): self.source = OrderFiles(folder: folder)
        case .postgres(let target, let settings, let folder):
            self.source = OrderRows(target, settings, files: OrderFiles(folder: folder))
        }
    }

    /// - Parameter folder: See ``LotArchive/folder(of:)``.
    package convenience init(folder: String) { self.init(.folder(folder)) }

    package var isEmpty: Bool { self.state.withLockedValue { $0.lots.isEmpty } }

    package func has(_ lot: LotID) -> Bool { self.state.withLockedValue { $0.lots.contains(lot) } }

    /// Sets the lots that the ledger names as archived. May connect to a server, so only the ledger's own thread calls
    /// this.
    package func set(_ lots: [LotID]) {
        self.state.withLockedValue { $0.lots = lots.sorted(by: >) }
        if !lots.isEmpty { self.source.open(lots) }
    }

    /// - Parameters:
    ///   - lot: `nil` if the lot is not known: every archive is asked.
    ///   - second: The present second of any clock; `nil` for a caller with a signature, whose look-ups have no limit.
    package func order(_ id: OrderID, lot: LotID? = nil, second: Int64?) -> Found {
        let (lots, isAllowed) = self.state.withLockedValue { state -> ([LotID], Bool) in
            let lots = lot.map { lot in state.lots.filter { $0 == lot } } ?? state.lots
            guard let second, !lots.isEmpty else { return (lots, true) }
            if state.second != second { (state.second, state.lookups, state.spent) = (second, 0, .zero) }
            guard state.lookups < Self.lookupsPerSecond, state.spent < self.source.timePerSecond else {
                return (lots, false)
            }
            state.lookups += 1
            return (lots, true)
        }
        guard !lots.isEmpty else { return .unknown }
        guard isAllowed else { return .overloaded }
        let began = ContinuousClock.now
        defer { if second != nil { self.state.withLockedValue { $0.spent += ContinuousClock.now - began } } }
        do { return try self.source.order(id, in: lots).map { .order($0) } ?? .unknown } catch { return .unreadable }
    }
}

/// Where orders are looked up. One look-up at a time.
protocol OrderSource: Sendable {
    /// What strangers' look-ups may take of each second, because others wait for them.
    var timePerSecond: Duration { get }
    /// These lots will be asked for.
    func open(_ lots: [LotID])
    /// - Throws: If the archives cannot be read now: the order may be there.
    func order(_ id: OrderID, in lots: [LotID]) throws -> StoredOrder?
}
