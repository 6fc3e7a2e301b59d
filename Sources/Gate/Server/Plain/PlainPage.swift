import HTTPTypes
import Hummingbird
import NIOCore
import TrancheAPI

/// Text within a page.
enum HTMLText {
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}

/// One page for a browser without scripts. Its parts are HTML already.
struct PlainPage {
    var status = 200
    var title: String
    /// The page is loaded again after this many seconds, from `next` if there is one.
    var refreshSeconds: Int?
    var next: String?
    var parts: [String]
    var cookies: [StrictCookie] = []

    init(_ title: String, status: Int = 200, refreshSeconds: Int? = nil, next: String? = nil, _ parts: [String]) {
        (self.title, self.status, self.parts) = (title, status, parts)
        (self.refreshSeconds, self.next) = (refreshSeconds, next)
    }

    static func text(_ text: String) -> String { "<p>\(HTMLText.escaped(text))</p>" }

    static func link(_ address: String, _ text: String) -> String {
        "<p><a href=\"\(HTMLText.escaped(address))\">\(HTMLText.escaped(text))</a></p>"
    }

    /// A form with hidden fields, other HTML, and one button.
    static func form(
        _ address: String, _ button: String, hidden: [(String, String)] = [], _ inner: String = ""
    ) -> String {
        let fields = hidden.map { name, value in
            "<input type=\"hidden\" name=\"\(name)\" value=\"\(HTMLText.escaped(value))\">"
        }.joined()
        return "<form method=\"post\" action=\"\(HTMLText.escaped(address))\">\(fields)\(inner)"
            + "<p><button class=\"main\">\(HTMLText.escaped(button))</button></p></form>"
    }

    static func input(_ name: String, _ label: String, _ attributes: String) -> String {
        "<p><label for=\"\(name)\">\(HTMLText.escaped(label))</label> "
            + "<input id=\"\(name)\" name=\"\(name)\" \(attributes)></p>"
    }

    func response(style: String) -> Response {
        let again = self.refreshSeconds.map { seconds in
            let place = self.next.map { ";url=\(HTMLText.escaped($0))" } ?? ""
            return "<meta http-equiv=\"refresh\" content=\"\(seconds)\(place)\">"
        }
        let title = HTMLText.escaped(self.title)
        let html =
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>\(title)</title>"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\(again ?? "")"
            + "<link rel=\"stylesheet\" href=\"/assets/\(style)\"></head><body><main><section id=\"act\">"
            + "<h1>\(title)</h1>\(self.parts.joined())</section></main></body></html>"
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
                + "base-uri 'none'; frame-ancestors 'none'",
        ]
        // With "no-referrer" browsers send `Origin: null` with forms, and every form would look foreign.
        if let name = HTTPField.Name("Referrer-Policy") { headers[name] = "same-origin" }
        for cookie in self.cookies { headers.append(HTTPField(name: .setCookie, value: cookie.field)) }
        return Response(
            status: .init(code: self.status), headers: headers, body: .init(byteBuffer: ByteBuffer(string: html)))
    }
}
