import DaemonSupport
import Foundation
import TrancheAPI
package import TrancheCore

/// Buy requests, each of another buyer with another token, and the ids of their orders.
package struct BuyTape: Sendable {
    package private(set) var tape = RequestTape()
    package private(set) var orders: [OrderID] = []

    /// - Parameters:
    ///   - lots: The lots, in turns; the target's own lot if not given.
    ///   - buyers: The prefix of the buyers' names; tapes with different prefixes have different buyers.
    package init(_ target: LoadTarget, lots: [LotID]? = nil, unit: Int = 0, count: Int, buyers: String) {
        let lots = lots ?? [target.lot]
        precondition(!lots.isEmpty, "a tape needs a lot")
        let codec = TokenCodec(secret: target.tokenSecret)
        let now = SystemClock.now()
        let run = UInt64.random(in: 0...UInt64.max)
        self.orders.reserveCapacity(count)
        for number in 0..<count {
            let lot = lots[number % lots.count]
            let id = OrderID(high: run, low: UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
            let token = codec.mint(
                PurchaseToken(
                    order: id, lot: lot, home: target.units[unit].id, buyer: BuyerID("\(buyers)-\(number)")!,
                    issuedAt: now, notBefore: Instant(microseconds: now.microseconds - 5_000_000),
                    expiresAt: now.advanced(milliseconds: 3_600_000), epoch: target.epoch))
            self.orders.append(id)
            self.tape.append(
                "POST /v1/lots/\(lot)/orders HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(token)\r\n"
                    + "Content-Length: 0\r\n\r\n")
        }
    }

    /// Requests for the states of `orders`.
    package func statusTape(_ orders: some Sequence<OrderID>) -> RequestTape {
        var tape = RequestTape()
        for order in orders { tape.append("GET /v1/orders/\(order) HTTP/1.1\r\nHost: tranche\r\n\r\n") }
        return tape
    }
}
