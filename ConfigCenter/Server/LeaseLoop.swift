import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import Storage
import Threads
import TrancheCore

/// Follows the lease: this process stands by, leads, and stands down.
///
/// The lease has a thread and a connection of its own, so that no commit delays a sign of life.
final class LeaseLoop: Service, Sendable {
    static let pauseMilliseconds: UInt32 = 20
    static let followMilliseconds: UInt32 = 250

    private struct State {
        var lease: CenterLease
        /// The role that the seat knows.
        var shown = CenterLease.Role.standby
        var isStopping = false
        /// The last reason why the store did not answer, so that each is logged once.
        var trouble = ""
        /// Why the last lead came to nothing; `nil` if it did not.
        var failure: String?
    }

    private let store: PostgresAuthority
    private let seat: CenterSeat
    private let follower: LogFollower
    private let address: String
    private let process = UInt64.random(in: 1...UInt64(Int64.max))
    private let make: @Sendable (AuthorityKeeper) throws -> Center
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    /// - Parameter make: Makes the center of a keeper that has taken the log over.
    init(
        store: PostgresAuthority, seat: CenterSeat, address: String, logger: Logger,
        make: @escaping @Sendable (AuthorityKeeper) throws -> Center
    ) {
        (self.store, self.seat, self.address, self.logger, self.make) = (store, seat, address, logger, make)
        self.follower = LogFollower(store: store)
        self.state = NIOLockedValueBox(State(lease: CenterLease(address: address, process: self.process)))
    }

    func run() async throws {
        OwnedThread.start("lease") { self.keepLease() }
        OwnedThread.start("follow") { self.follow() }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
        }
        let role = self.state.withLockedValue { state in
            state.isStopping = true
            return state.lease.role
        }
        self.endLead(leader: nil)
        // Another center leads at its next look, and need not wait until this one has been silent for long.
        guard case .leading(let epoch) = role else { return }
        let (store, process) = (self.store, self.process)
        try? await OwnedThread.run("give back") { () throws(StorageError) in
            try store.giveBack(epoch, process: process)
        }
    }

    private var isStopping: Bool { self.state.withLockedValue { $0.isStopping } }

    private func keepLease() {
        while !self.isStopping {
            let act = self.state.withLockedValue { $0.lease.next(now: SystemClock.monotonic()) }
            if let act {
                let outcome = self.carryOut(act)
                self.state.withLockedValue { $0.lease.ended(outcome, now: SystemClock.monotonic()) }
            } else {
                usleep(Self.pauseMilliseconds * 1_000)
            }
            self.showRole()
        }
    }

    private func carryOut(_ act: CenterLease.Act) -> CenterLease.Outcome {
        do throws(StorageError) {
            let row = try self.store.lease(act, address: self.address, process: self.process)
            self.note("")
            return .row(row)
        } catch {
            self.note("\(error)")
            return .noAnswer
        }
    }

    private func note(_ trouble: String) {
        let (isNew, failure) = self.state.withLockedValue { state in
            defer { state.trouble = trouble }
            return (state.trouble != trouble, state.failure)
        }
        self.seat.trouble.withLockedValue { $0 = trouble.isEmpty ? failure : trouble }
        if isNew, !trouble.isEmpty { self.logger.error("the centers' store does not answer: \(trouble)") }
    }

    /// Tells the seat what has changed.
    private func showRole() {
        let (before, now, leader) = self.state.withLockedValue { state in
            defer { state.shown = state.lease.role }
            return (state.shown, state.lease.role, state.lease.leader)
        }
        switch now {
        case .standby: self.endLead(leader: leader)
        case .leading(let epoch):
            guard now != before else { return }
            self.endLead(leader: nil)
            // The log may be long; the lease does not wait for it.
            OwnedThread.start("take over", stackBytes: 4 << 20) { self.takeOver(epoch) }
        }
    }

    private func endLead(leader: String?) {
        guard let center = self.seat.standBy(leader: leader) else { return }
        self.logger.warning("standing by", metadata: ["leader": "\(leader ?? "unknown")"])
        center.keeper.retire()
        // Long polls go to the center that leads now.
        Task { await center.book.stop() }
    }

    /// Makes this process the center: the log accepts nobody else from now on.
    private func takeOver(_ epoch: Epoch) {
        do {
            let end = try self.store.begin(as: epoch)
            let keeper = try AuthorityKeeper(
                store: self.store, recovered: (try self.follower.book(at: end), try self.store.witnesses()),
                epoch: epoch, logger: self.logger
            ) { self.standDown(epoch, $0) }
            let center: Center
            do { center = try self.make(keeper) } catch {
                keeper.retire()
                throw error
            }
            self.logger.info("leading", metadata: ["epoch": "\(epoch.rawValue)", "position": "\(end.position)"])
            let isCurrent = self.state.withLockedValue { state in
                let isCurrent = state.lease.role == .leading(epoch) && !state.isStopping
                if isCurrent { self.seat.lead(center) }
                state.failure = nil
                return isCurrent
            }
            if !isCurrent { keeper.retire() }
        } catch { self.abstain(epoch, "the log cannot be taken over: \(error)") }
    }

    /// Gives the row to a center that can lead, and says in `/readyz` why this one cannot.
    private func abstain(_ epoch: Epoch, _ reason: String) {
        self.logger.error("cannot lead", metadata: ["epoch": "\(epoch.rawValue)", "reason": "\(reason)"])
        self.state.withLockedValue { state in
            state.failure = reason
            if state.lease.role == .leading(epoch) { state.lease.abstain(now: SystemClock.monotonic()) }
        }
        do throws(StorageError) { try self.store.giveBack(epoch, process: self.process) } catch {
            self.logger.debug("the lease was not given back: \(error)")
        }
    }

    /// Stops leading, because the log was taken over, or because it is not known what it has.
    private func standDown(_ epoch: Epoch, _ reason: String) {
        self.logger.error("standing down", metadata: ["epoch": "\(epoch.rawValue)", "reason": "\(reason)"])
        self.state.withLockedValue { state in
            if state.lease.role == .leading(epoch) { state.lease.standDown() }
        }
    }

    private func follow() {
        while !self.isStopping {
            // While it leads, the keeper has the book.
            if case .standby = self.state.withLockedValue({ $0.lease.role }) {
                do throws(StorageError) { try self.follower.follow() } catch {
                    self.logger.debug("not following: \(error)")
                }
            }
            usleep(Self.followMilliseconds * 1_000)
        }
    }
}
