import BuyRequestParsing
import NIOCore
import TrancheAPI
import TrancheCore

/// Buy requests as bytes from a socket, and the bodies of the ordinary routes.
enum OrderTarget {
    static func run(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let input = Array(bytes.dropFirst(2))
        var buffer = ByteBuffer(bytes: input)
        guard case .request(let whole) = BuyRequestParser.parse(&buffer) else {
            _ = try? JSON.decode(BuyBody.self, from: input)
            _ = try? JSON.decode(PaymentBody.self, from: input)
            return
        }
        let length = input.count - buffer.readableBytes
        precondition(
            length <= BuyRequestParser.headBytesLimit + BuyRequestParser.bodyBytesLimit, "a request over the limit")
        // However the bytes come in, the request is the same: a part of it is never taken for something else.
        let cut = (Int(bytes[0]) << 8 | Int(bytes[1])) % length
        var part = ByteBuffer(bytes: input[..<cut])
        guard case .incomplete = BuyRequestParser.parse(&part) else { preconditionFailure("cut at \(cut)") }
        precondition(part.readableBytes == cut, "an incomplete request was consumed")
        part.writeBytes(input[cut...])
        guard case .request(let again) = BuyRequestParser.parse(&part) else { preconditionFailure("not whole again") }
        precondition(
            again.lot == whole.lot && again.token == whole.token && again.quantity == whole.quantity
                && again.keepsAlive == whole.keepsAlive, "another request, cut at \(cut)")
        self.compareBody(input[..<length], whole.quantity)
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
            start + "Transfer-Encoding: chunked\r\n\r\n", "{\"quantity\":3}",
            "{\"order\":\"00000000000000010000000000000002\",\"payment\":\"p\"}",
        ].map { [0, 40] + Array($0.utf8) }
    }
}
