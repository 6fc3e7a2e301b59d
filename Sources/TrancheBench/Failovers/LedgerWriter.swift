import Foundation
import NIOConcurrencyHelpers
import PostgresClient
import Storage
import Threads
import TrancheCore

/// A process that keeps a ledger under load, as a unit's engine does: after a commit that failed it reads the ledger
/// again, begins a new incarnation, and goes on. Each commit has one order of a new buyer.
final class LedgerWriter: Sendable {
    /// A commit that the ledger has confirmed.
    struct Confirmed {
        let order: OrderID
        let head: LedgerHead
        let incarnation: Incarnation
        let at: ContinuousClock.Instant
    }
    struct State {
        var confirmed: [Confirmed] = []
        /// What the ledger said, when it was read again, of orders in doubt.
        var answers: [OrderID: Bool] = [:]
        var begun: [(incarnation: Incarnation, at: ContinuousClock.Instant)] = []
        var failures = 0
        var lastFailure: StorageError?
        /// Why it has ended; `nil` while it goes on.
        var ending: StorageError?
        /// Alarms about a ledger that lacks confirmed commits.
        var alarms: [String] = []
        var mustRest = false
        var isResting = false
        var mustStop = false
        var hasStopped = false
    }

    static let unit = UnitID(1)
    static let lot = LotID(1)
    static let stock = 1_000_000_000
    private static let pauseMicroseconds: UInt32 = 4_000
    /// As the engine's.
    private static let pauseAfterFailureMicroseconds: UInt32 = 100_000

    let state = NIOLockedValueBox(State())
    private let target: PostgresTarget
    private let number: UInt64

    /// - Parameter number: Of all writers of a ledger; it is a part of its orders' ids.
    init(_ target: PostgresTarget, number: UInt64) { (self.target, self.number) = (target, number) }

    func start() { OwnedThread.start("writer") { self.run() } }

    func stop() {
        self.state.withLockedValue { $0.mustStop = true }
        while !self.state.withLockedValue({ $0.hasStopped }) { usleep(2_000) }
    }

    private func run() {
        var ledger: PostgresLedger?
        var (incarnation, orders, doubtful) = (Incarnation(0), UInt64(0), [OrderID]())
        var mustBegin = true
        while !self.state.withLockedValue({ $0.mustStop }) {
            guard !self.isResting() else {
                usleep(Self.pauseMicroseconds)
                continue
            }
            var order: OrderID?
            do throws(StorageError) {
                let opened: PostgresLedger
                if let ledger {
                    opened = ledger
                } else {
                    opened = try PostgresLedger(self.target, unit: Self.unit, newID: LedgerID(77))
                    ledger = opened
                }
                if mustBegin {
                    incarnation = try self.begin(opened, doubtful)
                    (mustBegin, doubtful) = (false, [])
                }
                orders += 1
                let next = OrderID(high: self.number, low: orders)
                order = next
                try opened.commit([self.reserve(next)], as: incarnation)
                let confirmed = Confirmed(order: next, head: opened.head, incarnation: incarnation, at: .now)
                self.state.withLockedValue { $0.confirmed.append(confirmed) }
                usleep(Self.pauseMicroseconds)
            } catch {
                mustBegin = true
                if let order { doubtful.append(order) }
                if !self.goesOn(after: error) { break }
                usleep(Self.pauseAfterFailureMicroseconds)
            }
        }
        self.state.withLockedValue { $0.hasStopped = true }
    }

    private func isResting() -> Bool {
        self.state.withLockedValue { state in
            state.isResting = state.mustRest
            return state.isResting
        }
    }

    private func begin(_ ledger: PostgresLedger, _ doubtful: [OrderID]) throws(StorageError) -> Incarnation {
        let book = try ledger.recover()
        let incarnation = book.incarnation.next
        try ledger.commit([.opened(incarnation), .granted(Self.lot, total: Self.stock)], as: incarnation)
        self.state.withLockedValue { state in
            state.begun.append((incarnation, .now))
            for order in doubtful { state.answers[order] = book.orders.state(of: order) != nil }
        }
        return incarnation
    }

    private func reserve(_ id: OrderID) -> LedgerEntry {
        .reserved(
            Order(
                id: id, buyer: BuyerID("b\(id.high)-\(id.low)")!, lot: Self.lot, quantity: 1, buyerLimit: 1,
                generation: Generation(1), stamp: Stamp(rawValue: id.low), deadline: .distantFuture))
    }

    private func goesOn(after error: StorageError) -> Bool {
        self.state.withLockedValue { state in
            state.failures += 1
            state.lastFailure = error
            switch error {
            case .superseded, .vanished, .wrongOwner:
                state.ending = error
                return false
            case .diverged, .corrupt, .constraint: state.alarms.append("\(error)")
            default: break
            }
            return true
        }
    }
}
