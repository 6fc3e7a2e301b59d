import ConsolePage
import DaemonSupport
import HTTPTypes
import Hummingbird
import NIOCore
import Pages
import TrancheAPI

/// The operators' console: its files, which hold no data and are for everybody who reaches the listener, and the stream
/// of pictures, which is for operators.
struct ConsoleRoutes: Sendable {
    /// The console loads its own files and calls the center that it came from. Nothing in it is made from text.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

    private let feed: ConsoleFeed
    private let assets: PageAssets
    private let page: Compressed

    /// What the page has for signing in with the provider.
    private static let loginLink =
        "<p class=\"acts\"><a id=\"login\" class=\"button\" href=\"/console/login\">Sign in with your account</a></p>"

    /// - Parameter hasLogins: Whether people can sign in with a provider.
    init(feed: ConsoleFeed, hasLogins: Bool) {
        self.feed = feed
        var assets = PageAssets()
        var html = String(decoding: ConsoleFiles.html, as: UTF8.self)
        let style = assets.add("console", "css", ConsoleFiles.style, "text/css; charset=utf-8")
        html = html.replacing("{{style}}", with: style)
        for (name, bytes) in ConsoleFiles.scripts {
            let full = assets.add(name, "js", bytes, "text/javascript; charset=utf-8")
            html = html.replacing("{{\(name)}}", with: full)
        }
        html = html.replacing("{{login}}", with: hasLogins ? Self.loginLink : "")
        self.assets = assets
        self.page = Compressed(Array(html.utf8))
    }

    func addFiles(to router: Router<TrancheContext>) {
        router.get("/console") { request, _ in
            Self.guarded(
                PageAssets.answer(
                    request, self.page, type: "text/html; charset=utf-8", cache: "no-cache", policy: Self.policy))
        }
        router.get("/console/assets/:name") { request, context in
            Self.guarded(
                try self.assets.answer(request, name: context.parameters.get("name") ?? "", policy: Self.policy))
        }
    }

    /// - Parameter group: Of operators, behind their credential.
    func addEvents(to group: RouterGroup<TrancheContext>) {
        group.get("console/events") { request, _ in
            let count = try request.pictures()
            let pictures = try self.feed.watch()
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    var term = PictureTerm(pictures: count, now: SystemClock.monotonic())
                    for await event in pictures {
                        // A slow reader may have taken the last picture long ago.
                        if term.isOver(now: SystemClock.monotonic()) { break }
                        try await writer.write(event)
                        term.count()
                        if term.isOver(now: SystemClock.monotonic()) { break }
                    }
                    try await writer.finish(nil)
                })
        }
    }

    /// Other pages have no handle to the window in which an operator is signed in.
    private static func guarded(_ response: Response) -> Response {
        var response = response
        for name in ["Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"] {
            if let field = HTTPField.Name(name) { response.headers[field] = "same-origin" }
        }
        return response
    }
}

extension Request {
    /// How many pictures the caller wants; all that a stream has if it does not say.
    fileprivate func pictures() throws(Problem) -> Int {
        guard let text = self.uri.queryParameters.get("count") else { return PictureTerm.picturesLimit }
        guard let count = Int(text), (1...PictureTerm.picturesLimit).contains(count) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "count \"\(text.prefix(20))\" is not in 1...\(PictureTerm.picturesLimit)")
        }
        return count
    }
}
