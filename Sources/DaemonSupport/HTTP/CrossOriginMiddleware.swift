import HTTPTypes
package import Hummingbird

/// Lets pages of other origins call the public addresses (Fetch Standard, "CORS protocol"): the sale page comes from a
/// gate or a CDN, and orders go to a unit. Calls carry a token and no cookie, so another page can do no more with them
/// than any program can.
package struct CrossOriginMiddleware<Context: RequestContext>: RouterMiddleware {
    /// The fields for answers that are written without the router.
    package static var lines: String {
        "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: Retry-After\r\n"
    }
    private static var seconds: Int { 86_400 }

    package init() {}

    package func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response)
        async throws -> Response
    {
        var response: Response
        if request.method == .options {
            response = Response(
                status: .noContent,
                headers: [
                    .accessControlAllowMethods: "GET, POST", .accessControlAllowHeaders: "Authorization, Content-Type",
                    .accessControlMaxAge: String(Self.seconds),
                ])
        } else {
            response = try await next(request, context)
        }
        response.headers[.accessControlAllowOrigin] = "*"
        response.headers[.accessControlExposeHeaders] = "Retry-After"
        return response
    }
}
