import NIOCore
import Testing
import TrancheCore
import UnitServer

@Suite("Express lane's parser") struct BuyRequestParserTests {
    private static let head = "POST /v1/lots/7/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"

    private func parse(_ text: String) -> (BuyRequestParser.Outcome, left: Int) {
        var buffer = ByteBuffer(string: text)
        let outcome = BuyRequestParser.parse(&buffer)
        return (outcome, buffer.readableBytes)
    }

    @Test(
        "plain requests are read whole",
        arguments: [
            ("\r\n", 1), ("Content-Length: 0\r\n\r\n", 1), ("content-length: 14\r\n\r\n{\"quantity\":3}", 3),
            ("Content-Length: 16\r\nConnection: Keep-Alive\r\n\r\n{ \"quantity\": 2}", 2),
        ])
    func plain(rest: String, quantity: Int) {
        let (outcome, left) = self.parse(Self.head + rest)
        guard case .request(let request) = outcome else {
            Issue.record("expected a request, got \(outcome)")
            return
        }
        #expect((request.lot, request.quantity, left) == (LotID(7), quantity, 0))
        #expect(request.token == Array("TOKEN".utf8))
        #expect(request.keepsAlive)
    }

    @Test("every cut of a request is incomplete, and nothing is taken") func incomplete() {
        let whole = Self.head + "Content-Length: 14\r\n\r\n{\"quantity\":3}"
        for length in 0..<whole.utf8.count {
            let text = String(whole.utf8.prefix(length))!
            let (outcome, left) = self.parse(text)
            guard case .incomplete = outcome else {
                Issue.record("\(length) bytes: expected incomplete, got \(outcome)")
                return
            }
            #expect(left == length)
        }
    }

    @Test(
        "whatever is not plain is left to the ordinary stack, whole",
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
            Self.head + " folded: line\r\n\r\n", "POST /v1/lots/7/orders HTTP/1.1\r\nHost: x\r\n\r\n",
            Self.head + "X: " + String(repeating: "y", count: 5_000),
        ])
    func other(text: String) {
        let (outcome, left) = self.parse(text)
        guard case .other = outcome else {
            Issue.record("expected other, got \(outcome)")
            return
        }
        #expect(left == text.utf8.count)
    }

    @Test("two requests in one piece are read one after the other") func pipelined() {
        var buffer = ByteBuffer(string: Self.head + "\r\n" + Self.head + "Connection: close\r\n\r\n")
        guard case .request(let first) = BuyRequestParser.parse(&buffer),
            case .request(let second) = BuyRequestParser.parse(&buffer)
        else {
            Issue.record("expected two requests")
            return
        }
        #expect((first.keepsAlive, second.keepsAlive) == (true, false))
        #expect(buffer.readableBytes == 0)
    }
}
