import DaemonSupport
import Hummingbird
import Storage
import TrancheAPI
import TrancheCore

/// Who the caller is, and what operators did.
struct AuditRoutes {
    let seat: CenterSeat
    /// Whether acts for two people become proposals.
    let hasApprovals: Bool
    private var center: Center { get throws(Problem) { try self.seat.center } }

    func add(to group: RouterGroup<TrancheContext>) {
        group.get("operator") { _, _ in
            Response.json(OperatorDocument(try Operator.known, hasApprovals: self.hasApprovals))
        }
        group.get("audit") { _, _ in Response.json(try self.center.keeper.store.auditTrail()) }
        group.get("audit/chain") { request, _ in
            Response.json(try self.center.keeper.store.auditPage(after: try request.position()))
        }
    }
}

extension Request {
    /// The last line of the audit trail that the caller has; 0 if it does not say.
    fileprivate func position() throws(Problem) -> Int64 {
        guard let text = self.uri.queryParameters.get("after") else { return 0 }
        guard let position = Int64(text), position >= 0 else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "after \"\(text.prefix(20))\" is not the number of a line: 0 to \(Int64.max)")
        }
        return position
    }
}
