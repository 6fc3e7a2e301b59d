import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import Storage
import Threads
import TrancheAPI
import TrancheCore

// How the keeper makes decisions durable, and what it does if it cannot.

extension AuthorityKeeper {
    /// Writes a snapshot of the book from time to time. Another thread encodes it: for a long contest this takes a
    /// tenth of a second, in which no decision should wait.
    private func snapshot(after records: [AuthorityRecord], at position: Int64) {
        guard self.snapshots.withLockedValue({ $0.beginIfDue(after: records, at: position) }) else { return }
        let book = self.authority.book
        OwnedThread.start("snapshot") { [self] in
            do throws(StorageError) {
                try self.store.append(snapshot: book, at: position, as: self.epoch)
            } catch { self.logger.warning("no snapshot of the log: \(error)") }
            self.snapshots.withLockedValue { $0.ended(at: position) }
        }
    }

    func persist(_ records: [AuthorityRecord]) -> Problem? {
        self.owner.check()
        let changed = self.authority.takeMovedWitnesses()
        guard
            !records.isEmpty || !changed.isEmpty || !self.acts.isEmpty || !self.notes.isEmpty
                || self.store.isShared
        else {
            self.authority.confirm()
            return nil
        }
        let began = SystemClock.monotonic()
        do throws(StorageError) {
            let position = try self.store.append(
                records, witnesses: changed, acts: self.acts, notes: self.notes, as: self.epoch)
            self.meters.withLockedValue { $0?.appended(since: began) }
            self.authority.confirm()
            if let position { self.snapshot(after: records, at: position) }
            return nil
        } catch {
            // Another center leads. Its log takes records, so this is no failure that an alarm should tell of.
            if case .superseded = error { return self.end("\(error)") }
            self.meters.withLockedValue { $0?.failed() }
            switch error {
            case .vanished: return self.end("\(error)")
            case .inDoubt: return self.settleDoubt("\(error)")
            default: return self.goBack("\(error)")
            }
        }
    }

    /// The log took no records.
    private func goBack(_ reason: String) -> Problem {
        self.logger.error("the authority log took no records: \(reason)")
        guard let (book, witnesses) = try? self.store.recover() else {
            // Grants in memory are not in the log: they must not leave this process.
            return self.end("the authority log cannot be read either", code: 4)
        }
        self.authority.goBack(to: book, witnesses: witnesses)
        return Problem(status: 503, code: "storage", detail: reason, retryAfter: 1)
    }

    /// It is not known whether the log took the records. Those who wait are answered when it is, or as `recovering`.
    private func settleDoubt(_ reason: String) -> Problem? {
        self.logger.error("a commit is in doubt: \(reason)")
        let end = ContinuousClock.now + .milliseconds(Self.doubtMilliseconds)
        repeat {
            do throws(StorageError) {
                guard try self.store.settleDoubt(as: self.epoch) else { return self.goBack(reason) }
                self.authority.confirm()
                return nil
            } catch {
                if case .superseded = error { break }
                usleep(50_000)
            }
        } while ContinuousClock.now < end
        // The center that leads next reads what there is. To say "not carried out" could be wrong.
        _ = self.end("a commit is in doubt, and no barrier could be set")
        return Self.unknown
    }

    private static var unknown: Problem {
        Problem(
            status: 503, code: "recovering",
            detail: "it is not known yet whether this was carried out: repeat it, with the same key", retryAfter: 1)
    }

    /// This center has lost its log: what it has in memory must not leave it.
    ///
    /// - Parameter code: The exit code of a center alone. With 3 the service manager does not start it again.
    private func end(_ reason: String, code: Int32 = 3) -> Problem {
        guard self.store.isShared else {
            self.logger.critical("\(reason); stopping")
            _exit(code)
        }
        self.retire()
        self.onEnd(reason)
        return .notLeading(leader: nil)
    }

    /// What a caller hears of a write beside the log that failed. If it is not known whether it was carried out, this center
    /// ends: the next one reads what there is.
    func problem(after error: StorageError) -> Problem {
        switch error {
        case .superseded where self.store.isShared: return self.end("\(error)")
        case .inDoubt:
            _ = self.end("\(error)")
            return Self.unknown
        default: return Problem(status: 503, code: "storage", detail: "\(error)", retryAfter: 1)
        }
    }
}
