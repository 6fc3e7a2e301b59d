import HTTPTypes
package import Hummingbird
package import TrancheAPI

extension FormSource {
    package init(_ request: Request) {
        let site = HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
        self.init(origin: request.headers[.origin], fetchSite: site, host: request.head.authority)
    }
}

/// Refuses acts that another site's page sends through the browser of somebody who may act.
///
/// A browser shows its certificate to every server that asks for one, whichever page makes it call. It lets such a page send an
/// act, and only keeps the answer from it. Reading changes nothing, so GET and HEAD pass.
package struct OwnPageMiddleware<Context: RequestContext>: RouterMiddleware {
    package init() {}

    package func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response)
        async throws -> Response
    {
        guard request.method == .get || request.method == .head || !FormSource(request).isForeign else {
            throw Problem(
                status: 403, code: "foreign_page",
                detail: "a page of \"\(request.headers[.origin]?.prefix(100) ?? "another site")\" sent this act: only "
                    + "pages of this server, and callers that are no browsers, may act")
        }
        return try await next(request, context)
    }
}
