import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import Storage
import Threads
import TrancheAPI
import TrancheCore

/// The thread that owns the quota authority and its log.
///
/// It takes all jobs that wait, runs them, makes their records durable in one transaction, and only then returns their
/// results. If the disk refuses, the jobs fail, and the keeper reads the authority again from the log.
///
/// With a store that other centers share, an answer that changes nothing needs a commit, too: it proves that this center
/// leads still. If it is not known whether a commit was carried out, a barrier finds out; if that takes too long, or another
/// center has the log, this one ends, and its waiting callers hear that it does not lead.
final class AuthorityKeeper: @unchecked Sendable {  // The authority belongs to the thread.
    /// Jobs that may wait; one more is refused as overloaded.
    static let jobsLimit = 4_096

    struct Job: Sendable {
        let run: @Sendable (inout QuotaAuthority, inout [AuthorityRecord]) -> Void
        let finish: @Sendable (Problem?) -> Void
    }

    let owner = ThreadOwner("the quota authority")
    /// How long a barrier is tried for.
    static let doubtMilliseconds = 2_000

    let store: any AuthorityStorage
    let epoch: Epoch
    let logger: Logger
    let jobs = Mailbox<Job>(limit: AuthorityKeeper.jobsLimit)
    var authority: QuotaAuthority
    /// Acts of the jobs that run now: committed with their records.
    var acts: [OperatorAct] = []
    /// Their lines of the audit trail.
    private(set) var notes: [AuditNote] = []
    private let told = NIOLockedValueBox<[String]>([])
    let snapshots = NIOLockedValueBox(SnapshotRule())
    let onEnd: @Sendable (String) -> Void
    let hasEnded = NIOLockedValueBox(false)
    /// `nil` until the process has told it.
    let meters = NIOLockedValueBox<KeeperMeters?>(nil)

    /// Takes a log over that has no other center: a file.
    convenience init(store: AuthorityStore, logger: Logger) throws(StorageError) {
        try self.init(store: store, recovered: try store.recover(), epoch: nil, logger: logger) { _ in }
    }

    /// - Parameters:
    ///   - recovered: The state of the store.
    ///   - epoch: The epoch of the lease; `nil`: the next one of the log.
    ///   - onEnd: Called when this center has lost its log, with the reason. A center alone ends its process instead.
    init(
        store: any AuthorityStorage, recovered: (book: AuthorityBook, witnesses: [UnitID: LedgerHead]), epoch: Epoch?,
        logger: Logger, onEnd: @escaping @Sendable (String) -> Void
    ) throws(StorageError) {
        (self.store, self.logger, self.onEnd) = (store, logger, onEnd)
        self.authority = QuotaAuthority(book: recovered.book, witnesses: recovered.witnesses)
        var records: [AuthorityRecord] = []
        self.authority.takeOver(as: epoch, into: &records)
        self.epoch = self.authority.book.epoch
        try store.append(records, witnesses: [:], as: self.epoch)
        OwnedThread.start("authority", stackBytes: 4 << 20, owning: [self.owner]) { self.run() }
    }

    /// Runs `body` on the authority; its value is returned when everything it appended is on disk.
    ///
    /// - Throws: ``Problem`` with code `overloaded` or `storage`: nothing was changed, and the call may be repeated.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (inout QuotaAuthority, inout [AuthorityRecord]) throws(Problem) -> Value
    ) async throws(Problem) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Problem>, Never>) in
            nonisolated(unsafe) var result: Result<Value, Problem>?  // Written and read by the keeper's thread only.
            self.enqueue(
                Job(
                    run: { authority, records in
                        do throws(Problem) { result = .success(try body(&authority, &records)) } catch {
                            result = .failure(error)
                        }
                    },
                    finish: { problem in
                        continuation.resume(returning: problem.map { .failure($0) } ?? result ?? .failure(Self.busy))
                    }))
        }
        return try result.get()
    }

    /// Runs an act of an operator once; a repetition under the same key changes nothing. Its line of the audit trail is in
    /// the transaction of its records.
    ///
    /// - Parameter note: What to write into the trail, asked before and after `body`.
    /// - Returns: `nil` if the act was done before.
    func perform<Value: Sendable>(
        _ act: OperatorAct?, note: ActNote,
        _ body: @escaping @Sendable (inout QuotaAuthority, inout [AuthorityRecord]) throws(Problem) -> Value
    ) async throws(Problem) -> Value? {
        try await self.perform { (authority, records) throws(Problem) -> Value? in
            self.owner.check()
            let before = note.figures(authority)
            guard let act else {
                let value = try body(&authority, &records)
                self.notes.append(note.note(before: before, after: note.figures(authority)))
                return value
            }
            if let other = self.acts.first(where: { $0.key == act.key }) {
                guard other == act else { throw .keyReused(act.key, other.what) }
                return nil
            }
            if try self.isDone(act) { return nil }
            let value = try body(&authority, &records)
            self.acts.append(act)
            self.notes.append(note.note(before: before, after: note.figures(authority)))
            return value
        }
    }

    /// Writes a line of the audit trail that belongs to no act. A full keeper, or a full disk, loses it, and the log says so.
    func note(_ note: AuditNote) async {
        do throws(Problem) {
            try await self.perform { _, _ in
                self.owner.check()
                self.notes.append(note)
            }
        } catch { self.logger.warning("a line of the audit trail is lost: \(error.detail)") }
    }

    /// Whether an act is on disk.
    ///
    /// - Throws: ``Problem`` with code `key_reused` if the key stands for another act.
    func isDone(_ act: OperatorAct) throws(Problem) -> Bool {
        let known: OperatorAct?
        do throws(StorageError) { known = try self.store.act(act.key) } catch {
            throw Problem(status: 503, code: "storage", detail: "\(error)", retryAfter: 1)
        }
        guard let known else { return false }
        guard known == act else { throw Problem.keyReused(act.key, known.what) }
        return true
    }

    /// Alarms for operators about messages of units that contradict the books, the newest last.
    var alarms: [String] { self.told.withLockedValue { $0 } }

    private func tell(_ alarms: [String]) {
        guard !alarms.isEmpty else { return }
        for alarm in alarms { self.logger.critical("\(alarm)") }
        self.told.withLockedValue { $0 = ($0 + alarms).suffix(100) }
    }

    /// Ends the process if its file is gone: everything that it acknowledges from then on would be lost.
    func checkPresence() {
        do throws(StorageError) { try self.store.checkPresence() } catch {
            self.logger.critical("\(error); stopping")
            _exit(3)
        }
    }

    private static var busy: Problem { Problem(Refusal.overloaded(limit: Self.jobsLimit)) }

    private func enqueue(_ job: Job) {
        if !self.jobs.post(job) {
            job.finish(self.hasEnded.withLockedValue { $0 } ? .notLeading(leader: nil) : Self.busy)
        }
    }

    func stop() { self.jobs.close() }

    /// Another center leads from now on: what waits is not carried out.
    func retire() {
        self.hasEnded.withLockedValue { $0 = true }
        self.jobs.close()
    }

    private func run() {
        while true {
            let jobs = self.jobs.takeAll()
            if jobs.isEmpty { return }
            if self.hasEnded.withLockedValue({ $0 }) {
                for job in jobs { job.finish(.notLeading(leader: nil)) }
                continue
            }
            var records: [AuthorityRecord] = []
            for job in jobs { job.run(&self.authority, &records) }
            let problem = self.persist(records)
            (self.acts, self.notes) = ([], [])
            self.tell(self.authority.takeAlarms())
            for job in jobs { job.finish(problem) }
        }
    }
}
