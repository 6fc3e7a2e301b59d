import Lanes
import TrancheAPI
import TrancheCore

/// Writes the answers to buy requests and to status requests.
struct OrderAnswers {
    /// Refusals whose bytes are kept: a sold-out lot gives the same one many times.
    static let keptRefusals = 64

    private var kept: [Refusal: [UInt8]] = [:]

    /// - Parameter isStatus: The answer to a status request, not to a buy request.
    mutating func encode(_ answer: Answer, isStatus: Bool, position: WaitlistPosition?, into bytes: inout AnswerBytes) {
        switch answer {
        case .order(let order): Self.encode(order, isStatus: isStatus, position, into: &bytes)
        case .refused(let refusal):
            if let kept = self.kept[refusal] { return bytes.reuse(kept) }
            bytes.encode(Problem(refusal))
            if self.kept.count >= Self.keptRefusals { self.kept = [:] }
            self.kept[refusal] = bytes.bytes
        }
    }

    private static func encode(
        _ order: Order, isStatus: Bool, _ position: WaitlistPosition?, into bytes: inout AnswerBytes
    ) {
        bytes.body.removeAll(keepingCapacity: true)
        OrderDocument.encode(order, position, into: &bytes.body)
        bytes.encode { head in
            switch isStatus ? 200 : OrderDocument.status(of: order) {
            case 201: head.write("HTTP/1.1 201 Created\r\n")
            case 202: head.write("HTTP/1.1 202 Accepted\r\n")
            default: head.write("HTTP/1.1 200 OK\r\n")
            }
            if order.state == .contested { head.write("Retry-After: 1\r\n") }
            head.write("Content-Type: application/json\r\nCache-Control: no-store\r\nLocation: /v1/orders/")
            head.write(order.id)
            head.write("\r\n")
            head += AnswerBytes.crossOrigin
        }
    }
}
