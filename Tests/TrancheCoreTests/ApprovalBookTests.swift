import Testing
import TrancheCore

@Suite("Acts that a second person approves") struct ApprovalBookTests {
    private static let now = Instant(milliseconds: 1_000_000)
    private static let ann = Operator(name: "ann", role: .admin)
    private static let bob = Operator(name: "bob", role: .admin)
    private static let close = ProposedAct.close(sale: "summer", version: 7)

    /// A book with ann's proposal 1.
    private func proposed(_ act: ProposedAct = Self.close) throws -> (book: ApprovalBook, proposal: Proposal) {
        var book = ApprovalBook()
        let (proposal, isNew) = try book.propose(act, by: Self.ann, reason: "sold out", key: "k1", now: Self.now)
        #expect(isNew && proposal.id == 1)
        book.add(proposal)
        return (book, proposal)
    }

    private func code(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return (error as? ApprovalRefusal)?.code }
        return nil
    }

    private func approve(
        _ book: inout ApprovalBook, by caller: Operator = Self.bob, proposer: Operator? = Self.ann,
        now: Instant = Self.now, reason: String = "checked"
    ) -> String? {
        do throws(ApprovalRefusal) {
            _ = try book.beginApproval(1, by: caller, reason: reason, proposer: proposer, now: now)
        } catch { return error.code }
        return nil
    }

    @Test("only what ends something or makes much stock is for two people") func someActsAreForTwo() {
        #expect(Set(ActKind.allCases.filter(\.isForTwo)) == [.close, .settle, .addMuchStock, .settleQuota])
        // Whoever may propose may approve: the addresses of approvals need what the acts need.
        for kind in ActKind.allCases where kind.isForTwo {
            #expect(kind.least == ActKind.approve.least && kind.least == ActKind.withdraw.least)
        }
    }

    @Test("another person approves once, and nobody approves what they proposed") func anotherPersonApproves() throws {
        var (book, proposal) = try self.proposed()
        #expect(self.approve(&book, by: Self.ann) == "own_proposal")
        // A second credential of the same name is the same person, whatever role it has.
        #expect(self.approve(&book, by: Operator(name: "ann", role: .admin)) == "own_proposal")
        #expect(self.approve(&book, by: .admin) == "shared_identity")
        #expect(self.approve(&book, by: Operator(name: "eve", role: .operator)) == "needs_admin")
        #expect(self.approve(&book, reason: " ") == "needs_reason")
        #expect(self.approve(&book) == nil)
        // Two approvals at once: one of them carries the act out.
        #expect(self.approve(&book, by: Operator(name: "carl", role: .admin)) == "proposal_busy")
        #expect(
            self.code { _ = try book.beginWithdrawal(1, by: Self.ann, reason: "no", now: Self.now) } == "proposal_busy")
        book.finish(1, with: ProposalEnd(.approved, by: "bob", reason: "checked", at: Self.now))
        #expect(self.approve(&book) == "proposal_ended")
        #expect(book.open(now: Self.now).isEmpty && book.entry(1)?.proposal == proposal)
    }

    @Test("an act that failed leaves its proposal open") func failureLeavesItOpen() throws {
        var (book, proposal) = try self.proposed()
        #expect(self.approve(&book) == nil)
        book.finish(1, with: nil)
        #expect(book.open(now: Self.now) == [proposal])
        #expect(self.approve(&book) == nil)
    }

    @Test("the secret of admins proposes nothing, and nobody approves what it proposed before an upgrade")
    func adminsSecretIsNoPerson() throws {
        var book = ApprovalBook()
        #expect(
            self.code { _ = try book.propose(Self.close, by: .admin, reason: "r", key: "k", now: Self.now) }
                == "shared_identity")
        #expect(ApprovalRefusal.sharedIdentity(nil).description.contains("propose with a credential of your own"))
        // Bob may know the secret, and have proposed it himself.
        book.add(
            Proposal(
                id: 1, act: Self.close, by: OperatorList.reserved, reason: "r", key: "k", at: Self.now,
                expiresAt: Self.now.advanced(milliseconds: ApprovalBook.lifetimeMilliseconds)))
        #expect(self.approve(&book, proposer: .admin) == "shared_identity")
        #expect(book.open(now: Self.now).count == 1)
        _ = try book.beginWithdrawal(1, by: .admin, reason: "r", now: Self.now)
    }

    @Test("a durable act ends its proposal, whatever fails after it") func durableActsEndTheirProposal() {
        #expect(ApprovalBook.AfterError(isDone: true, isStale: false) == .approved)
        #expect(ApprovalBook.AfterError(isDone: true, isStale: true) == .approved)
        #expect(ApprovalBook.AfterError(isDone: false, isStale: true) == .stale)
        #expect(ApprovalBook.AfterError(isDone: false, isStale: false) == .open)
    }

    @Test("whoever proposed must be an operator still who may do the act") func proposerMustStay() throws {
        var (book, _) = try self.proposed()
        for gone in [nil, Operator(name: "ann", role: .operator), Operator(name: "anne", role: .admin)] {
            #expect(self.approve(&book, proposer: gone) == "proposer_gone")
        }
    }

    @Test("a proposal can be approved until it expires, and not at that moment") func proposalsExpire() throws {
        var (book, proposal) = try self.proposed()
        let end = Self.now.advanced(milliseconds: ApprovalBook.lifetimeMilliseconds)
        #expect(proposal.expiresAt == end)
        #expect(self.approve(&book, now: end) == "proposal_expired")
        #expect(
            self.code { _ = try book.beginWithdrawal(1, by: Self.ann, reason: "r", now: end) } == "proposal_expired")
        #expect(self.approve(&book, now: end.advanced(milliseconds: -1)) == nil)
        // What has expired makes room, and its key stays used.
        var other = try self.proposed().book
        #expect(
            self.code { _ = try other.propose(Self.close, by: Self.ann, reason: "r", key: "k1", now: end) }
                == "proposal_expired")
        let next = try other.propose(Self.close, by: Self.ann, reason: "r", key: "k2", now: end)
        #expect(next.isNew && next.proposal.id == 2)
        other.add(next.proposal)
    }

    @Test("its own operator alone takes a proposal back") func ownersWithdraw() throws {
        var (book, _) = try self.proposed()
        #expect(
            self.code { _ = try book.beginWithdrawal(1, by: Self.bob, reason: "r", now: Self.now) }
                == "not_own_proposal")
        _ = try book.beginWithdrawal(1, by: Self.ann, reason: "r", now: Self.now)
        book.finish(1, with: ProposalEnd(.withdrawn, by: "ann", reason: "r", at: Self.now))
        #expect(self.approve(&book) == "proposal_ended")
        #expect(
            self.code { _ = try book.beginWithdrawal(9, by: Self.ann, reason: "r", now: Self.now) }
                == "unknown_proposal")
    }

    @Test("a repetition finds its proposal, and one act has one proposal") func repetitionsFindTheirProposal() throws {
        let (book, proposal) = try self.proposed()
        // The second reading of a lost answer may have another version.
        let later = ProposedAct.close(sale: "summer", version: 8)
        let again = try book.propose(later, by: Self.ann, reason: "", key: "k1", now: Self.now)
        #expect(again.proposal == proposal && !again.isNew)
        for (act, caller) in [(Self.close, Self.bob), (.settle(sale: "summer", version: 7), Self.ann)] {
            #expect(
                self.code { _ = try book.propose(act, by: caller, reason: "r", key: "k1", now: Self.now) }
                    == "key_reused")
        }
        // The second person asked for the act, and did not approve it.
        #expect(
            self.code { _ = try book.propose(Self.close, by: Self.bob, reason: "r", key: "k2", now: Self.now) }
                == "proposed_before")
        let longest = String(repeating: "r", count: ApprovalBook.reasonBytes)
        let autumn = ProposedAct.close(sale: "autumn", version: 7)
        // A line break, an override of the direction, a zero width space, and the separators of lines and paragraphs.
        let unseen = ["a\nb", "a\u{7F}b", "a\u{85}b", "a\u{202E}b", "a\u{200B}b", "a\u{2028}b", "a\u{2029}b"]
        for reason in ["", " ", longest + "r"] + unseen {
            #expect(
                self.code { _ = try book.propose(autumn, by: Self.ann, reason: reason, key: "k", now: Self.now) }
                    == "needs_reason")
        }
        #expect(
            self.code {
                _ = try book.propose(
                    autumn, by: Operator(name: "eve", role: .operator), reason: "r", key: "k", now: Self.now)
            } == "needs_admin")
        #expect(try book.propose(autumn, by: Self.ann, reason: longest, key: "k", now: Self.now).isNew)
    }

    @Test("nobody has more open proposals than the limit, and all together neither") func placesAreLimited() throws {
        var book = ApprovalBook()
        func propose(_ number: Int, by name: String) throws {
            let act = ProposedAct.addStock(LotID(UInt32(number)), add: 500, issued: 100)
            let caller = Operator(name: name, role: .admin)
            book.add(try book.propose(act, by: caller, reason: "r", key: "k\(number)", now: Self.now).proposal)
        }
        for number in 0..<ApprovalBook.openPerOperator { try propose(number, by: "ann") }
        #expect(self.code { try propose(90, by: "ann") } == "too_many_proposals")
        for number in ApprovalBook.openPerOperator..<ApprovalBook.openLimit { try propose(number, by: "n\(number)") }
        #expect(self.code { try propose(91, by: "zoe") } == "too_many_proposals")
        // One that ends makes room.
        _ = try book.beginWithdrawal(1, by: Self.ann, reason: "r", now: Self.now)
        book.finish(1, with: ProposalEnd(.withdrawn, by: "ann", reason: "r", at: Self.now))
        #expect(self.code { try propose(92, by: "zoe") } == nil)
    }

    @Test("numbers go on after a restart, and old proposals are forgotten") func numbersGoOn() throws {
        var book = ApprovalBook()
        var now = Self.now
        for number in 0..<ApprovalBook.kept + 5 {
            now = now.advanced(milliseconds: ApprovalBook.lifetimeMilliseconds)
            let act = ProposedAct.settle(sale: "s\(number)", version: 1)
            book.add(try book.propose(act, by: Self.ann, reason: "r", key: "k\(number)", now: now).proposal)
        }
        #expect(book.entries.count == ApprovalBook.kept && book.entry(5) == nil && book.entry(6) != nil)
        let again = ApprovalBook(book.entries)
        #expect(again == book)
        let next = try again.propose(Self.close, by: Self.ann, reason: "r", key: "new", now: now)
        #expect(next.proposal.id == UInt64(ApprovalBook.kept) + 6)
    }

    @Test("an open proposal is remembered, however many are made and withdrawn after it, also after a restart")
    func openOnesStay() throws {
        var (book, proposal) = try self.proposed()
        var durable = book.entries
        for number in 2...UInt64(ApprovalBook.kept + 5) {
            let act = ProposedAct.settle(sale: "s\(number)", version: 1)
            book.add(try book.propose(act, by: Self.bob, reason: "r", key: "b\(number)", now: Self.now).proposal)
            _ = try book.beginWithdrawal(number, by: Self.bob, reason: "r", now: Self.now)
            book.finish(number, with: ProposalEnd(.withdrawn, by: "bob", reason: "r", at: Self.now))
            durable.append(try #require(book.entry(number)))
        }
        #expect(book.entries.count == ApprovalBook.kept && book.entry(2) == nil)
        var again = ApprovalBook(durable)
        #expect(again == book && again.open(now: Self.now) == [proposal])
        #expect(self.approve(&again) == nil)
    }

    @Test("an approval counts for what the first person saw") func staleActsAreFound() {
        let (lot, unit, generation) = (LotID(1), UnitID(4), Generation(1))
        var book = AuthorityBook()
        book.apply(.issued(lot, quantity: 100))
        let stock = ProposedAct.addStock(lot, add: 50, issued: 100)
        #expect(stock.isCurrent(in: book))
        book.apply(.granted(lot, unit, generation, total: 30))
        book.apply(.stranded(unit, generation, reason: "lost", witness: nil))
        let seen = ProposedAct.AccountSeen(book.account(lot, unit, generation))
        let settle = ProposedAct.settleQuota(lot, unit, generation, sold: 10, seen: seen)
        #expect(seen.outstanding == 30 && !seen.isSettled)
        #expect(stock.isCurrent(in: book) && settle.isCurrent(in: book))
        book.apply(.settled(lot, unit, generation, sold: 30, byLedger: false))
        // The same figure, but somebody has settled it meanwhile.
        #expect(!settle.isCurrent(in: book))
        book.apply(.issued(lot, quantity: 1))
        #expect(!stock.isCurrent(in: book) && !ProposedAct.addStock(LotID(2), add: 1, issued: 0).isCurrent(in: book))
    }
}
