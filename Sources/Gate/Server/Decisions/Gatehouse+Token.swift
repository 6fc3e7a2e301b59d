import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// Tokens: checks of the ticket and the solution before the machine, and the token itself after it.

extension Gatehouse {
    struct TokenAsked {
        let plan: GateMachine.TokenPlan
        let session: UInt64
    }
    /// A refusal, and for a session that answered too fast the next challenge.
    struct TokenRefusal: Error {
        let problem: Problem
        var challenge: OfferedChallenge?
    }

    func token(
        _ asker: Asker, lot: LotID, body: UnsafeRawBufferPointer, now: Instant
    ) throws(Problem) -> TokenAsked {
        try self.token(asker, lot: lot, body: body.isEmpty ? TokenBody() : TokenBody.read(body), now: now)
    }

    func token(_ asker: Asker, lot: LotID, body: TokenBody, now: Instant) throws(Problem) -> TokenAsked {
        var rank: EntryRank?
        if let ticket = body.ticket {
            do throws(SealError) {
                rank = try self.tickets.open(ticket.utf8, lot: lot, buyer: asker.session.buyer).rank
            } catch {
                throw self.forgery(Problem(ticket: error), asker, lot: lot)
            }
        }
        let solution = try self.solution(body, asker, lot: lot, now: now)
        let judged = self.machine.withLockedValue { machine in
            machine.judgeToken(
                asker.caller, lot, rank: rank, solution: solution, keys: asker.keys, now: now,
                steady: SystemClock.monotonic(), draw: asker.draw(now: now))
        }
        guard let judged else { throw self.unknownLot(lot) }
        switch judged {
        case .success(let plan): return TokenAsked(plan: plan, session: asker.session.id)
        case .failure(let refusal): throw self.refused(refusal)
        }
    }

    private func solution(
        _ body: TokenBody, _ asker: Asker, lot: LotID, now: Instant
    ) throws(Problem) -> GateMachine.Solution? {
        let session = asker.session.id
        do throws(ChallengeError) {
            if let answer = body.answer {
                let answered = try self.sealed.check(answer, session: session, lot: lot, now: now)
                return GateMachine.Solution(
                    kind: answered.kind.kind, level: answered.level, nonce: answered.nonce, madeAt: answered.madeAt,
                    readyAt: answered.readyAt, expiresAt: answered.expiresAt, isRight: answered.isRight)
            }
            guard let solution = body.solution else { return nil }
            let solved = try self.challenges.check(solution, session: session, lot: lot, now: now)
            return GateMachine.Solution(
                level: solved.level, nonce: solved.nonce, madeAt: solved.madeAt, expiresAt: solved.expiresAt)
        } catch {
            throw self.forgery(Problem(error), asker, lot: lot)
        }
    }

    /// The refusal of a bad ticket or answer, which counts against the caller's limits.
    func forgery(_ problem: Problem, _ asker: Asker, lot: LotID) -> Problem {
        let refusal = self.machine.withLockedValue {
            $0.countForgery(asker.caller, lot, keys: asker.keys, steady: SystemClock.monotonic())
        }
        if let refusal { return self.refused(refusal) }
        self.count(problem.code)
        return problem
    }

    func mint(_ asked: TokenAsked, _ reply: GateReply, now: Instant) throws(TokenRefusal) -> TokenDocument {
        let grant: GateMachine.Grant
        do { grant = try self.machine.withLockedValue({ $0.grant(asked.plan, reply) }).get() } catch {
            throw self.refusal(error, asked, reply, now: now)
        }
        let (sale, config) = self.setting.withLockedValue { ($0.sales[grant.lot], $0.config) }
        guard let sale, let home = Self.home(of: grant, sale, config) else {
            throw TokenRefusal(problem: self.refused(.recovering(retryAfterMilliseconds: 1_000)))
        }
        if grant.clearsFastAnswers { self.redis.clear(.fastAnswers(grant.buyer)) }
        let order = self.orders.order(sale: sale.id, lot: grant.lot, buyer: grant.buyer, attempt: grant.attempt)
        let expiresAt = now.advanced(milliseconds: grant.lifeMilliseconds)
        let token = PurchaseToken(
            order: order, lot: grant.lot, home: home.id, buyer: grant.buyer, issuedAt: grant.issuedAt,
            notBefore: grant.issuedAt.advanced(milliseconds: -Self.clockToleranceMilliseconds), expiresAt: expiresAt,
            epoch: sale.revocationEpoch ?? .first)
        self.count("token")
        return TokenDocument(
            token: self.tokens.mint(token), order: order, expiresAt: expiresAt, unit: home.publicURL)
    }

    /// A unit's clock may be behind the gate's by this much.
    private static let clockToleranceMilliseconds: Int64 = 2_000

    /// The gate computes the home and never takes it from the caller: two homes of one buyer would be two limits.
    ///
    /// A region without units has no homes: its buyers are shared by all units, as buyers without a region are.
    private static func home(
        of grant: GateMachine.Grant, _ sale: SaleConfig.Sale, _ config: SaleConfig
    ) -> SaleConfig.Unit? {
        guard let homes = sale.homes else { return nil }
        let units = grant.region.flatMap { homes[$0] } ?? homes.values.flatMap { $0 }
        return HomeUnit.of(grant.buyer, among: units).flatMap { config.unit($0) }
    }

    private func refusal(
        _ refusal: GateRefusal, _ asked: TokenAsked, _ reply: GateReply, now: Instant
    ) -> TokenRefusal {
        let problem = self.refused(refusal)
        let fast = reply.counters.first ?? 0
        switch refusal {
        case .tooFast(let level), .tooEasy(let level):
            if case .tooFast = refusal { self.raiseFastAnswers(of: asked.plan.buyer, from: fast) }
            let terms = self.setting.withLockedValue { $0.sales[asked.plan.lot]?.gateTerms } ?? GateTerms(nil)
            let kind = asked.plan.solution?.kind ?? .work
            let next = self.challenge(
                kind, terms, session: asked.session, lot: asked.plan.lot, level: level, now: now)
            return TokenRefusal(problem: problem, challenge: next)
        case .blocked where fast < AnswerTiming.fastAnswerLimit:
            self.raiseFastAnswers(of: asked.plan.buyer, from: fast)
            return TokenRefusal(problem: problem)
        default: return TokenRefusal(problem: problem)
        }
    }

    private func raiseFastAnswers(of buyer: BuyerID, from count: Int) {
        self.redis.raise(.fastAnswers(buyer), from: count, lifeMilliseconds: AnswerTiming.blockMilliseconds)
    }
}
