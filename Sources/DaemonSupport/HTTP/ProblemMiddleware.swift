package import Hummingbird
package import Logging
import TrancheAPI

/// Turns every error into a problem document. Details of unexpected errors go to the log only.
package struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    private let logger: Logger
    private let table: RouteTable
    package init(logger: Logger, table: RouteTable) { (self.logger, self.table) = (logger, table) }

    package func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response)
        async throws -> Response
    {
        do { return try await next(request, context) } catch let problem as Problem {
            return problem.response
        } catch let error as HTTPError {
            let methods = error.status == .notFound ? self.table.methods(at: request.uri.path) : []
            if !methods.isEmpty {
                let allowed = methods.joined(separator: ", ")
                var response = Problem(
                    status: 405, code: "wrong_method", detail: "\(request.uri.path) takes \(allowed)"
                ).response
                response.headers[.allow] = allowed
                return response
            }
            let code = error.status.code == 404 ? "not_found" : "bad_request"
            return Problem(status: error.status.code, code: code, detail: "\(request.method) \(request.uri.path)")
                .response
        } catch {
            self.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return Problem(status: 500, code: "internal", detail: "the request failed; see the log").response
        }
    }
}
