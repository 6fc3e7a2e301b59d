import Edge
import HTTPTypes
package import Hummingbird
import TrancheAPI

/// The responder in front of every router: it answers refusals of the edge, and answers HEAD as GET without the body.
package struct EdgeResponder: HTTPResponder {
    private let router: RouterResponder<TrancheContext>
    private let bodyLimit: Int

    package init(_ router: RouterResponder<TrancheContext>, bodyLimit: Int) {
        (self.router, self.bodyLimit) = (router, bodyLimit)
    }

    package func respond(to request: Request, context: TrancheContext) async throws -> Response {
        if let name = HTTPField.Name(EdgeRefusal.field), let refusal = request.headers[name] {
            let problem = (EdgeRefusal(rawValue: refusal) ?? .malformed).problem(bodyLimit: self.bodyLimit)
            var response = problem.response
            response.headers[.connection] = "close"
            return response
        }
        // Under TLS every address asks who calls, those for everybody included.
        do throws(Problem) { _ = try PeerCertificate.current?.name() } catch {
            var response = error.response
            // Another connection may have another certificate.
            response.headers[.connection] = "close"
            return response
        }
        var response = try await self.answer(request, context)
        if request.headers[.connection] == "close" || PeerCertificate.current?.isOld() == true {
            response.headers[.connection] = "close"
        }
        return response
    }

    private func answer(_ request: Request, _ context: TrancheContext) async throws -> Response {
        guard request.method == .head else { return try await self.router.respond(to: request, context: context) }
        // RFC 9110, section 9.3.2: the same answer without its body, for every status.
        var head = request.head
        head.method = .get
        let response = try await self.router.respond(to: Request(head: head, body: request.body), context: context)
        return response.createHeadResponse()
    }
}
