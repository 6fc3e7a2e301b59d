import ExpressParsing
import Testing
import TrancheCore

@Suite("Express parser") struct ExpressParserTests {
    private static let head = "POST /v1/lots/7/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"

    private static let order = "00000000000000ab00000000000000CD"

    private func parse(_ text: String) -> ExpressParser.Outcome {
        Array(text.utf8).withUnsafeBytes(ExpressParser.parse)
    }

    @Test(
        "plain buy requests are read whole",
        arguments: [
            ("\r\n", 1), ("Content-Length: 0\r\n\r\n", 1), ("content-length: 14\r\n\r\n{\"quantity\":3}", 3),
            ("Content-Length: 16\r\nConnection: Keep-Alive\r\n\r\n{ \"quantity\": 2}", 2),
        ])
    func plainRequestsAreReadWhole(rest: String, quantity: Int) {
        let text = Self.head + rest
        let outcome = self.parse(text)
        guard case .request(let request) = outcome, case .buy(let lot, let token, let wanted) = request.kind else {
            Issue.record("expected a buy request, got \(outcome)")
            return
        }
        #expect((lot, wanted, request.length) == (LotID(7), quantity, text.utf8.count))
        #expect(Array(text.utf8)[token] == Array("TOKEN".utf8)[...])
        #expect(request.keepsAlive)
    }

    @Test("a plain status request is read whole", arguments: ["", "Host: x\r\nAccept: */*\r\n"])
    func statusQuestionIsReadWhole(fields: String) {
        let text = "GET /v1/orders/\(Self.order) HTTP/1.1\r\n" + fields + "\r\n"
        guard case .request(let request) = self.parse(text) else {
            Issue.record("expected a question, got \(self.parse(text))")
            return
        }
        #expect(request.kind == .status(OrderID(high: 0xAB, low: 0xCD)))
        #expect(request.length == text.utf8.count)
    }

    @Test(
        "every beginning of a request is incomplete",
        arguments: [
            Self.head + "Content-Length: 14\r\n\r\n{\"quantity\":3}",
            "GET /v1/orders/\(Self.order) HTTP/1.1\r\nHost: x\r\n\r\n",
        ])
    func everyCutIsIncomplete(whole: String) {
        for length in 0..<whole.utf8.count {
            let outcome = self.parse(String(whole.utf8.prefix(length))!)
            guard case .incomplete = outcome else {
                Issue.record("\(length) bytes: expected incomplete, got \(outcome)")
                return
            }
        }
    }

    @Test(
        "a request in another form goes to the ordinary stack, whole",
        arguments: [
            "GET / HTTP/1.1\r\n\r\n", "POST /v1/lots/x/orders HTTP/1.1\r\n\r\n",
            "POST /v1/lots/99999999999/orders HTTP/1.1\r\n\r\n",
            "POST /v1/lots/7/orders HTTP/1.0\r\n\r\n", "POST /v1/lots/7/orders?x=1 HTTP/1.1\r\n\r\n",
            Self.head + "Transfer-Encoding: chunked\r\n\r\n", Self.head + "Expect: 100-continue\r\n\r\n",
            Self.head + "X: a\nContent-Length: 200\r\n\r\n",
            Self.head + "Content-Length : 200\r\n\r\n", Self.head + "X: a\u{7F}\r\n\r\n",
            Self.head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", Self.head + "Content-Length: -1\r\n\r\n",
            Self.head + "Content-Length: 2000\r\n\r\n", Self.head + "Content-Length: 2\r\n\r\n{}",
            Self.head + "Content-Length: 15\r\n\r\n{\"quantity\":-3}",
            // Each of these reads otherwise, or not at all, as JSON.
            Self.head + "Content-Length: 16\r\n\r\n{\"quantity\":1 2}",
            Self.head + "Content-Length: 15\r\n\r\n{\"quan tity\":2}",
            Self.head + "Content-Length: 15\r\n\r\n{\"quantity\":02}",
            Self.head + "Authorization: Bearer OTHER\r\n\r\n",
            Self.head + "Proxy-Connection: close\r\n\r\n",
            Self.head + String(repeating: "a: b\r\n", count: PlainRequest.fieldCountLimit - 1) + "\r\n",
            Self.head + " folded: line\r\n\r\n", "POST /v1/lots/7/orders HTTP/1.1\r\nHost: x\r\n\r\n",
            Self.head + "X: " + String(repeating: "y", count: 5_000),
            "GET /v1/orders/\(Self.order)/events HTTP/1.1\r\n\r\n", "GET /v1/orders/foo HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /v1/orders/12ab/events HTTP/1.1\r\n\r\n", "GET /v1/orders/ HTTP/1.1\r\n\r\n",
            "GET /v1/orders/\(String(Self.order.dropLast()))x HTTP/1.1\r\n\r\n",
            "GET /v1/orders/\(Self.order) HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        ])
    func otherRequestsAreLeftWhole(text: String) {
        guard case .other = self.parse(text) else {
            Issue.record("expected other, got \(self.parse(text))")
            return
        }
    }

    @Test("two requests in one buffer are read one after the other") func pipelinedRequestsAreReadInTurn() {
        let text = Self.head + "\r\n" + Self.head + "Connection: close\r\n\r\n"
        guard case .request(let first) = self.parse(text),
            case .request(let second) = self.parse(String(text.utf8.dropFirst(first.length))!)
        else {
            Issue.record("expected two requests")
            return
        }
        #expect((first.keepsAlive, second.keepsAlive) == (true, false))
        #expect(first.length + second.length == text.utf8.count)
    }
}
