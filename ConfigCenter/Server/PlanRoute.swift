import DaemonSupport
import Hummingbird
import TrancheAPI
import TrancheCore

/// What a sale needs and how it will go, computed before it. Nothing is read or changed: a center that stands by answers, too.
struct PlanRoute {
    /// A sale's document with the most lots is shorter.
    static let bodyBytes = 1 << 20

    func add(to group: RouterGroup<TrancheContext>) {
        group.post("plan") { request, _ in
            let question = try await request.document(PlanDocument.self, limit: Self.bodyBytes).question()
            do throws(PlanError) { return Response.json(try SalePlan(question)) } catch {
                throw Problem.invalidPlan(error)
            }
        }
    }
}
