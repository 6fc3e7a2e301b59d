import CurlClient
import DaemonSupport
import TrancheAPI
import TrancheCore

// Another token, after one that ended without an order.

/// Asks units how a token ended.
struct AgainCalls: Sendable {
    let house: Gatehouse
    let calls: GateRedisCalls
    let units: UnitCalls

    /// A token of the next attempt, if the last one is over; otherwise the last one's once more.
    ///
    /// Only the home unit knows whether a token has ended, and an order that it makes in this moment is the buyer's as
    /// well. So the gate places the last attempt's order itself: its id has one outcome, whoever asks.
    func token(_ asker: Gatehouse.Asker, lot: LotID, body: [UInt8]) async throws(Problem) -> GateOutcome {
        let asked = try self.plan(asker, lot, body)
        let reply = await self.calls.ask(asked.plan.question)
        let last = self.house.outcome(of: asked, reply, now: SystemClock.now())
        guard case .token(let document) = last, !reply.isAlone else { return last }
        guard try await self.hasEnded(document, lot) else { return last }
        let ended = reply.counters.count > 1 ? reply.counters[1] : 0
        guard ended + 1 < Int(Limits.attempts) else { throw self.house.refused(.soldOut) }
        let (buyer, now) = (asker.session.buyer, SystemClock.now())
        let issued = String(now.microseconds)
        self.house.redis.raise(
            .endedAttempts(lot, buyer), from: ended, lifeMilliseconds: GateMachine.attemptLifeMilliseconds,
            mark: (.issued(lot, buyer), issued))
        var next = reply
        next.counters[1] = ended + 1
        next.earlier[0] = issued
        return self.house.outcome(of: asked, next, now: now)
    }

    private func plan(_ asker: Gatehouse.Asker, _ lot: LotID, _ body: [UInt8]) throws(Problem) -> Gatehouse.TokenAsked {
        let result = body.withUnsafeBytes { bytes in
            Result { () throws(Problem) in try self.house.token(asker, lot: lot, body: bytes, now: SystemClock.now()) }
        }
        return try result.get()
    }

    private func hasEnded(_ document: TokenDocument, _ lot: LotID) async throws(Problem) -> Bool {
        var (unit, token) = (document.unit, document.token)
        for _ in 0...Limits.referrals {
            let response = try await self.place(token, lot, at: unit)
            switch response.status {
            case 200, 410: return true  // An order that is over, or a final refusal.
            case 201, 202: return false
            default:
                let problem = UnitCalls.problem(response)
                guard let next = try self.house.referral(problem) else { throw problem }
                (unit, token) = (next.unit, next.token)
            }
        }
        throw self.house.refused(.recovering(retryAfterMilliseconds: 1_000))
    }

    private func place(_ token: String, _ lot: LotID, at unit: String) async throws(Problem) -> CurlResponse {
        let request = CurlRequest(
            "POST", "\(unit)/v1/lots/\(lot)/orders", headers: ["Authorization": "Bearer \(token)"],
            body: [], timeoutMilliseconds: UnitCalls.timeoutMilliseconds)
        switch await self.units.send(request, to: unit) {
        case .success(let answer): return answer
        case .failure(let refusal): throw self.house.refused(refusal)
        }
    }
}
