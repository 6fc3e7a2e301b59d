import ExpressParsing
import Testing

@Suite("Plain requests of any target") struct PlainRequestTests {
    static func parse(_ text: String) -> PlainRequest.Outcome {
        Array(text.utf8).withUnsafeBytes { PlainRequest.parse($0) }
    }

    static func request(_ text: String) throws -> PlainRequest {
        guard case .request(let request) = Self.parse(text) else { throw NotPlain() }
        return request
    }
    struct NotPlain: Error {}

    static func text(_ range: Range<Int>?, of text: String) -> String? {
        range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
    }

    @Test("the parts of a request are ranges of its bytes") func partsAreFound() throws {
        let text =
            "POST /v1/lots/1/token HTTP/1.1\r\nHost: x\r\nauthorization: Bearer abc\r\nX-Forwarded-For: 192.0.2.1, ::1\r\n"
            + "Accept-Encoding: gzip\r\nIf-None-Match: \"t\"\r\nContent-Length: 5\r\n\r\nhello"
        let request = try Self.request(text + "GET /next")
        #expect(request.method == .post)
        #expect(Self.text(request.target, of: text) == "/v1/lots/1/token")
        #expect(Self.text(request.bearer, of: text) == "abc")
        #expect(Self.text(request.forwardedFor, of: text) == "192.0.2.1, ::1")
        #expect(Self.text(request.acceptEncoding, of: text) == "gzip")
        #expect(Self.text(request.ifNoneMatch, of: text) == "\"t\"")
        #expect(Self.text(request.body, of: text) == "hello")
        #expect(request.length == text.utf8.count && request.keepsAlive)
    }

    @Test("a request that is cut off anywhere waits for its rest") func prefixesAreIncomplete() {
        let text = "POST /v1/session HTTP/1.1\r\nAuthorization: Bearer a.b.c\r\nContent-Length: 2\r\n\r\nab"
        for count in 0..<text.utf8.count {
            let outcome = Array(text.utf8.prefix(count)).withUnsafeBytes { PlainRequest.parse($0) }
            #expect(outcome == .incomplete, "\(count) bytes")
        }
    }

    @Test(
        "what two readers could read in different ways is for the ordinary stack",
        arguments: [
            "PUT / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
            "GET /a#b HTTP/1.1\r\n\r\n", "GET http://x/ HTTP/1.1\r\n\r\n", "GET /\u{7f} HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b\r\n\r\n", "GET / HTTP/1.1\n\n",
            "POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", "POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nAuthorization: Basic abcdefg\r\n\r\n",
        ]) func unusualFormsAreOther(_ text: String)
    {
        #expect(Self.parse(text) == .other, "\(text.debugDescription)")
    }

    @Test("a head over its limit is for the ordinary stack, which refuses it") func longHeadsAreOther() {
        let long = "GET /" + String(repeating: "a", count: PlainRequest.headBytesLimit)
        #expect(Self.parse(long) == .other)
        let fields = (0...PlainRequest.fieldCountLimit).map { "a\($0): b\r\n" }.joined()
        #expect(Self.parse("GET / HTTP/1.1\r\n" + fields + "\r\n") == .other)
    }
}
