import DaemonSupport
import Foundation
import HTTPTypes
import Hummingbird
import Storage
import TrancheAPI
import TrancheCore

/// Proposals: acts that a second person approves.
struct ApprovalRoutes: Sendable {
    let seat: CenterSeat
    let refusals: RefusalLog
    let register: OperatorRegister
    let logins: LoginDesk?
    /// `operators.approval`: acts for two become proposals.
    let isOn: Bool
    private var center: Center { get throws(Problem) { try self.seat.center } }

    func add(to group: RouterGroup<TrancheContext>) {
        group.get("proposals") { _, _ in Response.json(try await self.center.approvals.documents) }
        group.get("proposals/:proposal") { _, context in
            Response.json(try await self.center.approvals.document(try context.proposal()))
        }
        group.post("proposals/:proposal/approve") { request, context in
            let (id, center, caller) = (try context.proposal(), try self.center, try Operator.known)
            let reason = try await request.document(ReasonBody.self, limit: 4 << 10).reason
            let proposer = await center.approvals.proposal(id).flatMap { proposal in
                self.register.entry(named: proposal.by) ?? self.logins?.entry(named: proposal.by)
            }
            try await self.refusals.judge(request) { _ async throws(Problem) in
                try await center.approve(id, by: caller, reason: reason, proposer: proposer)
            }
            return Response.json(try await center.approvals.document(id))
        }
        group.post("proposals/:proposal/withdraw") { request, context in
            let (id, center, caller) = (try context.proposal(), try self.center, try Operator.known)
            let reason = try await request.document(ReasonBody.self, limit: 4 << 10).reason
            let actor = request.actor
            try await self.refusals.judge(request) { _ async throws(Problem) in
                try await center.withdraw(id, by: caller, actor: actor, reason: reason)
            }
            return Response.json(try await center.approvals.document(id))
        }
    }

    /// Makes a proposal of an act, if it is one for two.
    ///
    /// - Returns: The answer with the proposal; `nil` if the act is to be carried out now, or was carried out before.
    func hold(_ act: ProposedAct, _ request: Request) async throws(Problem) -> Response? {
        guard self.isOn, act.kind.isForTwo else { return nil }
        let (center, caller) = (try self.center, try Operator.known)
        guard let key = try request.idempotencyKey else {
            throw Problem(
                status: 400, code: "needs_key",
                detail: "an act for two people needs an Idempotency-Key: its approval carries it out under that key")
        }
        if try center.keeper.isDone(OperatorAct(key: key, what: act.what)) { return nil }
        // A repetition finds its proposal, whatever has changed since.
        if await !center.approvals.knows(key: key) { try await center.examine(act) }
        let (actor, reason, sale) = (request.actor, try request.reason(), await center.sale(of: act))
        let document = try await center.approvals.propose(
            act, by: caller, actor: actor, reason: reason, key: key, sale: sale)
        var headers = HTTPFields()
        headers[.location] = "/v1/proposals/\(document.id)"
        return Response.json(ApprovalNeeded(document), status: .accepted, headers: headers)
    }

    /// For an addition of stock, whose kind is known for certain only when it is carried out.
    ///
    /// - Throws: ``Problem`` with code `needs_approval`: another addition came in between, and both together are much.
    func checkAlone(_ kind: ActKind) throws(Problem) {
        guard self.isOn, kind.isForTwo else { return }
        throw Problem(
            status: 409, code: "needs_approval",
            detail: "with what was added meanwhile this is an act for two people: repeat it, and it becomes a proposal")
    }
}

extension Operator {
    /// Whoever makes the request that this task answers.
    static var known: Operator {
        get throws(Problem) {
            guard let caller = self.current else { throw Problem(status: 500, code: "internal", detail: "no caller") }
            return caller
        }
    }
}

extension Request {
    /// Why the caller acts: a text in percent-encoding, because a header field has no other letters; empty without one.
    fileprivate func reason() throws(Problem) -> String {
        guard let field = HTTPField.Name("X-Tranche-Reason").flatMap({ self.headers[$0] }) else { return "" }
        guard let text = field.removingPercentEncoding else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "X-Tranche-Reason \"\(field.prefix(40))\" is not a text in percent-encoding")
        }
        return text
    }
}

extension RequestContext {
    fileprivate func proposal() throws(Problem) -> UInt64 {
        let text = self.parameters.get("proposal") ?? ""
        guard let id = UInt64(text), id > 0, id <= UInt64(Int64.max) else {
            throw Problem(
                status: 404, code: "unknown_proposal",
                detail: "\"\(text.prefix(20))\" is not the number of a proposal; expected 1 to \(Int64.max)")
        }
        return id
    }
}
