import Edge
import ExpressParsing
import Foundation
import TrancheAPI
import TrancheCore

/// The bytes of one connection, read by the lane and by the ordinary stack: where the two disagree about a request, or about
/// where it ends, a request can be hidden from one of them.
enum DifferentialTarget {
    /// The longest body of the public listener.
    static let stack = OrdinaryStack(bodyLimit: 16 << 10)

    static func run(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let input = bytes.dropFirst(2)
        let whole = self.read([input])
        // The result does not depend on how the bytes are cut.
        let cut = input.startIndex + (Int(bytes[0]) << 8 | Int(bytes[1])) % input.count
        let parts = self.read([input[..<cut], input[cut...]])
        if parts != whole { FileHandle.standardError.write(Data("whole: \(whole)\nparts: \(parts)\n".utf8)) }
        precondition(parts == whole, "the ordinary stack reads it in another way when cut")
        self.compare(input, whole)
    }

    private static func read(_ parts: [ArraySlice<UInt8>]) -> OrdinaryStack.Outcome {
        guard let outcome = try? self.stack.read(parts) else { preconditionFailure("the pipeline cannot be made") }
        return outcome
    }

    /// The lane takes requests from the front, and hands the rest over, from the first byte of what it does not know.
    private static func compare(_ input: ArraySlice<UInt8>, _ whole: OrdinaryStack.Outcome) {
        var place = input.startIndex
        var taken = 0
        while place < input.endIndex {
            guard case .request(let request) = Array(input[place...]).withUnsafeBytes(ExpressParser.parse) else {
                break
            }
            precondition(whole.requests.count > taken, "request \(taken) is whole for the lane only")
            self.compare(request, input[place..<(place + request.length)], whole.requests[taken])
            taken += 1
            // It ends at the byte where the lane ends it, and not earlier.
            let end = place + request.length
            let (upTo, before) = (self.read([input[..<end]]), self.read([input[..<(end - 1)]]))
            precondition(
                upTo.requests.count == taken && !upTo.isInRequest && upTo.refusal == nil && !upTo.isClosed,
                "request \(taken) does not end at \(end)")
            precondition(
                before.requests.count - (before.isInRequest ? 1 : 0) == taken - 1, "request \(taken) ends before \(end)"
            )
            place = end
            if !request.keepsAlive { return }  // Nothing behind it is read.
        }
        guard taken > 0, place < input.endIndex else { return }
        let rest = self.read([input[place...]])
        precondition(
            rest.requests == Array(whole.requests[taken...]) && rest.refusal == whole.refusal
                && rest.isClosed == whole.isClosed, "the rest is read in another way after \(taken) requests")
    }

    private static func compare(
        _ express: ExpressParser.Request, _ bytes: ArraySlice<UInt8>, _ ordinary: OrdinaryStack.Request
    ) {
        precondition(express.keepsAlive == ordinary.keepsAlive, "the connection ends for one of them")
        switch express.kind {
        case .status(let order):
            let digits = ordinary.uri.dropFirst("/v1/orders/".count)
            precondition(ordinary.method == "GET" && OrderID(hex: digits) == order, "another order")
            precondition(ordinary.body.isEmpty, "a body of a question")
        case .buy(let lot, let token, let quantity):
            let digits = ordinary.uri.dropFirst("/v1/lots/".count).dropLast("/orders".count)
            precondition(ordinary.method == "POST" && UInt32(digits) == lot.rawValue, "another lot")
            let text = bytes[(bytes.startIndex + token.lowerBound)..<(bytes.startIndex + token.upperBound)]
            // A token that is no text is repaired by the ordinary stack, and then no token for either of them.
            let sent = String(decoding: text, as: UTF8.self)
            precondition(ordinary.authorization?.dropFirst("bearer ".count) == sent[...], "another token")
            let body =
                ordinary.body.isEmpty ? BuyBody(quantity: 1) : try? JSON.decode(BuyBody.self, from: ordinary.body)
            precondition(body?.quantity == quantity, "another quantity")
        }
    }

    static var seeds: [[UInt8]] {
        let buy = "POST /v1/lots/1/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer AAAA\r\n"
        let ask = "GET /v1/orders/00000000000000010000000000000002 HTTP/1.1\r\nHost: a\r\n"
        let plain = buy + "\r\n"
        let body = buy + "Content-Length: 14\r\n\r\n{\"quantity\":2}"
        return [
            plain, body, ask + "\r\n", plain + body + ask + "\r\n" + plain,
            body + buy + "Connection: close\r\n\r\n" + plain,
            plain + buy + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + plain,
            plain + buy + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n{}\n" + plain,
            plain + buy + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + plain,
            buy + "Proxy-Connection: close\r\n\r\n" + plain, buy + "Proxy-Connection: keep-alive\r\n\r\n" + plain,
            buy + "Connection: keep-alive\r\nConnection: close\r\n\r\n" + plain,
            buy + "Connection: close\r\nConnection: keep-alive\r\n\r\n" + plain,
            buy + String(repeating: "a: b\r\n", count: 70) + "\r\n" + plain,
            plain + "GET / HTTP/1.0\r\n\r\n" + plain, plain + "\r\n\r\n" + plain,
            plain + "PUT / HTTP/1.1\r\n\r\n" + plain,
            buy + "Content-Length: 0014\r\n\r\n{\"quantity\":2}" + plain,
            buy + "X: \u{E9}\t\r\nY:\r\n\r\n" + plain, plain + "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + plain,
            plain + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ask + "Content-Length: 0\r\n\r\n" + plain,
            ask + "Content-Length: 2\r\n\r\n{}" + plain, buy + "X: a\r\n b\r\n\r\n" + plain, buy + "X: a\n\r\n" + plain,
        ].map { [0, 40] + Array($0.utf8) }
    }
}
