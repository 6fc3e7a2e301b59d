import Testing
import TrancheCore

@Suite("What is believed of a ledger on a server that a standby can replace") struct LedgerBeliefTests {
    private func head(_ position: UInt64, _ digest: UInt64 = 0) -> LedgerHead {
        LedgerHead(position: position, digest: ChainDigest(high: digest, low: position))
    }

    /// A process that has read a ledger and written one commit behind it.
    private func acted() -> LedgerBelief {
        var belief = LedgerBelief(self.head(4))
        belief.believe(self.head(4))
        belief.ended(.confirmed, with: self.head(5))
        return belief
    }

    /// What is found on a new connection behind a barrier, in a ledger with these heads.
    private func found(_ heads: [LedgerHead], _ belief: inout LedgerBelief) -> LedgerBelief.Finding {
        belief.barrierConfirmed()
        return belief.compare(heads.last ?? .empty) { position in heads.first { $0.position == position } }
    }

    @Test("a process begins with whatever it finds") func beginsWithWhateverItFinds() {
        var belief = LedgerBelief(self.head(4))
        #expect(belief.compare(self.head(7)) { _ in nil } == .asKnown)
        belief.believe(self.head(7))
        #expect(belief.takesCommits && belief.end == self.head(7) && belief.known == self.head(7))
    }

    @Test("a refusal leaves no question, and everything else needs a barrier first")
    func onlyRefusalLeavesNoQuestion() {
        for (outcome, goesOn) in [
            (LedgerBelief.Outcome.refused, true), (.confirmed, true), (.inDoubt, false), (.unsent, false),
            (.endsElsewhere, false),
        ] {
            var belief = self.acted()
            belief.ended(outcome, with: self.head(6))
            #expect(belief.takesCommits == goesOn, "\(outcome)")
            #expect(belief.known == self.head(outcome == .confirmed ? 6 : 5), "\(outcome)")
        }
    }

    @Test("a commit in doubt lasted, or it did not") func commitInDoubtLastedOrNot() {
        for (heads, finding) in [
            ([self.head(5), self.head(6)], LedgerBelief.Finding.kept), ([self.head(5)], .asKnown),
        ] {
            var belief = self.acted()
            belief.ended(.inDoubt, with: self.head(6))
            #expect(self.found(heads, &belief) == finding)
            belief.believe(heads.last!)
            #expect(belief.takesCommits && belief.end == heads.last && belief.known == self.head(5))
        }
    }

    @Test("one that the barrier did not find can still arrive, until another commit takes its place")
    func unfoundCommitCanStillArrive() {
        var belief = self.acted()
        belief.ended(.inDoubt, with: self.head(6))
        #expect(self.found([self.head(5)], &belief) == .asKnown)
        belief.believe(self.head(5))
        // A ceiling moves no head, so the late one can still come behind it.
        belief.ended(.confirmed, with: self.head(5))
        belief.ended(.endsElsewhere, with: self.head(6, 1))
        #expect(self.found([self.head(5), self.head(6)], &belief) == .kept)
        belief.believe(self.head(6))
        belief.ended(.confirmed, with: self.head(7))
        #expect(belief.doubtful.isEmpty)
    }

    @Test("a confirmation that moves no head keeps the doubts behind it, and ends those that it excludes")
    func confirmationWithoutHeadKeepsLaterDoubts() {
        var belief = self.acted()
        belief.ended(.inDoubt, with: self.head(6, 1))
        #expect(self.found([self.head(5)], &belief) == .asKnown)
        belief.believe(self.head(5))
        belief.ended(.inDoubt, with: self.head(6))
        #expect(self.found([self.head(5), self.head(6)], &belief) == .kept)
        belief.believe(self.head(6))
        belief.ended(.inDoubt, with: self.head(7))
        #expect(self.found([self.head(5), self.head(6)], &belief) == .kept)
        belief.believe(self.head(6))
        #expect(belief.known == self.head(5) && belief.end == self.head(6))
        // A ceiling: it confirms position 6, and the commit of position 7 can still come.
        belief.ended(.confirmed, with: self.head(6))
        #expect(belief.doubtful == [self.head(7)])
        belief.lost()
        var other = belief
        #expect(self.found([self.head(5), self.head(6), self.head(7)], &belief) == .kept)
        #expect(self.found([self.head(5), self.head(6, 1)], &other) == .diverged)
    }

    @Test("another process has written: this one ends") func anotherProcessHasWritten() {
        var belief = self.acted()
        belief.lost()
        #expect(self.found([self.head(5), self.head(6, 9)], &belief) == .superseded)
    }

    @Test("a standby without the last confirmed commit is refused, until the right one is back")
    func standbyWithoutConfirmedCommitIsRefused() {
        for heads in [[self.head(4)], [self.head(4), self.head(5, 9)], [self.head(4), self.head(8, 9)], []] {
            var belief = self.acted()
            belief.ended(.inDoubt, with: self.head(6))
            #expect(self.found(heads, &belief) == .diverged, "\(heads)")
            belief.lost()
            #expect(self.found([self.head(5), self.head(6)], &belief) == .kept)
        }
    }

    @Test("what a process has read and not gone on from is no reason for an alarm") func readingIsNoReasonForAlarm() {
        var belief = LedgerBelief(self.head(4))
        // On an old primary, where somebody has cancelled a commit's wait.
        belief.believe(self.head(6, 9))
        belief.ended(.inDoubt, with: self.head(7, 9))
        #expect(self.found([self.head(4), self.head(6)], &belief) == .asKnown)
        var acted = self.acted()
        acted.ended(.inDoubt, with: self.head(6))
        #expect(self.found([self.head(5), self.head(6)], &acted) == .kept)
        acted.believe(self.head(6))
        acted.ended(.inDoubt, with: self.head(7))
        #expect(self.found([self.head(5)], &acted) == .asKnown, "nothing was said of position 6")
    }

    @Test("commits in doubt are limited, and the oldest is forgotten") func commitsInDoubtAreLimited() {
        var belief = self.acted()
        for digest in 0...UInt64(LedgerBelief.doubtfulLimit) {
            belief.ended(.inDoubt, with: self.head(6, digest))
            _ = self.found([self.head(5)], &belief)
            belief.believe(self.head(5))
        }
        #expect(belief.doubtful.count == LedgerBelief.doubtfulLimit)
        #expect(belief.doubtful.first == self.head(6, 1))
    }

    @Test("the server's word for a commit counts only without a warning, and while it asks for standbys")
    func serversWordNeedsMore() {
        #expect(CommitAnswer(command: "COMMIT", warning: nil, standbys: 1).doubt == nil)
        #expect(CommitAnswer(command: "COMMIT", warning: nil, standbys: nil).doubt == nil)
        #expect(CommitAnswer(command: "COMMIT", warning: nil, standbys: 0).doubt != nil)
        #expect(CommitAnswer(command: "ROLLBACK", warning: nil, standbys: 1).doubt != nil)
        #expect(CommitAnswer(command: "COMMIT", warning: "canceling wait", standbys: 1).doubt == "canceling wait")
    }
}
