import DaemonSupport
import Foundation
import Logging
import Storage
import TrancheCore

// The effects that the machine wants, beside its steps, commits and publications.

extension Engine {
    func perform(_ effect: UnitEffect) {
        switch effect {
        case .nextRound: self.parts.intake.post(.nextRound)
        // The commit before may have taken longer than Redis has for its answer.
        case .prime(let prime): self.parts.redis.send(.prime(prime), now: SystemClock.monotonic())
        case .survey: self.parts.redis.send(.survey, now: SystemClock.monotonic())
        case .register(var request):
            request.head = self.parts.ledger.head
            self.parts.center.register(request)
        case .archive(let lot):
            self.parts.archive.post(.orders(lot, of: self.machine.book.orders))
        case .prove(let position, let challenge, let earlier):
            let answer = ChallengeAnswer(
                challenge: challenge, proof: self.proof(at: position), earlier: earlier.compactMap(self.proof))
            if self.unreadProof == nil { self.parts.intake.post(.proof(answer)) }
        case .report(var report):
            report.head = self.parts.ledger.head
            report.proof = self.proof(at: report.proves)
            guard self.unreadProof == nil else { return }
            self.machine.reported(report.head)
            self.parts.center.report(report, load: self.parts.intake.load.figures)
        case .alarm(let text):
            self.parts.logger.error("alarm: \(text)")
            self.parts.telemetry.count(
                "tranche_disbelieved_total", "Alarms about messages that the unit ignored.")
        case .contestReport(let report):
            if let coordinator = self.machine.coordinator { self.parts.coordinator.report(report, to: coordinator) }
        case .askProvider(let question): self.parts.provider?.ask(question)
        // A ledger that nobody has vouched for may be a copy: its refunds are those of another process.
        case .refund(let refund): if self.machine.mayIssue { self.parts.provider?.carryOut(refund) }
        case .fence(let fence): self.parts.intake.advance(past: fence)
        case .stop(let reason):
            self.parts.logger.critical("\(reason); stopping")
            // At once: other threads still run, and there is nothing to save. A ledger that was set back begins a new
            // generation when the process starts again, so that has another code.
            _exit(self.machine.isSuperseded ? 3 : 4)
        }
    }

    /// Tells the doors which lots have archives.
    func nameArchives() { self.parts.intake.archive.set(Array(self.machine.book.archived.keys)) }

    /// The ledger's digest at a position, if it has a commit that ends there. If it cannot be read, the round fails.
    private func proof(at position: UInt64) -> LedgerHead? {
        guard position > 0, self.unreadProof == nil else { return nil }
        do throws(StorageError) { return try self.parts.ledger.head(at: position) } catch {
            self.unreadProof = error
            return nil
        }
    }
}
