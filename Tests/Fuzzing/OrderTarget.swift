import ExpressParsing
import TrancheAPI
import TrancheCore

/// Buy requests as bytes from a socket, and the bodies of the ordinary routes.
enum OrderTarget {
    static func run(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let input = Array(bytes.dropFirst(2))
        guard case .request(let whole) = input.withUnsafeBytes(ExpressParser.parse) else {
            _ = try? JSON.decode(BuyBody.self, from: input)
            _ = try? JSON.decode(PaymentBody.self, from: input)
            return
        }
        let length = whole.length
        precondition(
            length <= ExpressParser.headBytesLimit + ExpressParser.bodyBytesLimit, "a request over the limit")
        // The request does not depend on how the bytes are cut: a part of it is never read as another request.
        let cut = (Int(bytes[0]) << 8 | Int(bytes[1])) % length
        guard case .incomplete = Array(input[..<cut]).withUnsafeBytes(ExpressParser.parse) else {
            preconditionFailure("cut at \(cut)")
        }
        // What comes behind it changes nothing.
        guard case .request(let alone) = Array(input[..<length]).withUnsafeBytes(ExpressParser.parse),
            alone.kind == whole.kind, alone.keepsAlive == whole.keepsAlive, alone.length == length
        else { preconditionFailure("another request without what follows") }
        guard case .buy(_, let token, let quantity) = whole.kind else { return }
        precondition(token.upperBound <= length, "a token beyond the request")
        self.compareBody(input[..<length], quantity)
    }

    /// The quick reader of the body and the JSON decoder must agree.
    private static func compareBody(_ request: ArraySlice<UInt8>, _ quantity: Int) {
        var place = request.startIndex
        while place + 3 < request.endIndex, request[place..<place + 4] != [13, 10, 13, 10] { place += 1 }
        let body = request[min(request.endIndex, place + 4)...]
        guard !body.isEmpty else { return precondition(quantity == 1, "no body, quantity \(quantity)") }
        guard let document = try? JSON.decode(BuyBody.self, from: body) else {
            preconditionFailure("a body that is no JSON was read as quantity \(quantity)")
        }
        precondition(document.quantity == quantity, "quantity \(quantity), by JSON \(document.quantity ?? -1)")
    }

    static var seeds: [[UInt8]] {
        let start = "POST /v1/lots/1/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer AAAA\r\n"
        return [
            start + "\r\n", start + "Content-Length: 14\r\n\r\n{\"quantity\": 2",
            start + "Content-Length: 15\r\n\r\n{\"quantity\": 2}", start + "Connection: close\r\n\r\n",
            start + "Content-Length: 16\r\n\r\n{\"quantity\": 1 2",
            start + "Content-Length: 15\r\n\r\n{\"quan tity\":2}",
            start + "Content-Length: 15\r\n\r\n{\"quantity\": 02}",
            start + "Content-Length: 17\r\n\r\n{ \"quantity\" : 2}",
            "GET /v1/orders/00000000000000010000000000000002 HTTP/1.1\r\nHost: a\r\n\r\n",
            start + "Transfer-Encoding: chunked\r\n\r\n", "{\"quantity\":3}",
            "{\"order\":\"00000000000000010000000000000002\",\"payment\":\"p\"}",
        ].map { [0, 40] + Array($0.utf8) }
    }
}
