import DaemonSupport
import Foundation
import TrancheAPI
package import TrancheCore

/// Buy requests by their numbers, each of another buyer with another token.
package struct BuyRequests: Sendable {
    private let codec: TokenCodec
    private let lots: [LotID]
    private let home: UnitID
    private let buyers: String
    private let epoch: RevocationEpoch
    private let run = UInt64.random(in: 0...UInt64.max)
    private let now = SystemClock.now()

    fileprivate init(_ target: LoadTarget, _ lots: [LotID], unit: Int, buyers: String) {
        (self.codec, self.home) = (TokenCodec(secret: target.tokenSecret), target.units[unit].id)
        (self.lots, self.buyers, self.epoch) = (lots, buyers, target.epoch)
    }

    package func order(_ number: Int) -> OrderID {
        OrderID(high: self.run, low: UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
    }

    package func request(_ number: Int) -> String {
        let lot = self.lots[number % self.lots.count]
        let token = self.codec.mint(
            PurchaseToken(
                order: self.order(number), lot: lot, home: self.home, buyer: BuyerID("\(self.buyers)-\(number)")!,
                issuedAt: self.now, notBefore: Instant(microseconds: self.now.microseconds - 5_000_000),
                expiresAt: self.now.advanced(milliseconds: 3_600_000), epoch: self.epoch))
        return "POST /v1/lots/\(lot)/orders HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Length: 0\r\n\r\n"
    }
}

/// Buy requests that are prepared before a run, and the ids of their orders.
package struct BuyTape: Sendable {
    package private(set) var tape = RequestTape()
    package private(set) var orders: [OrderID] = []
    /// The requests of the tape, and further ones beyond its end.
    package let requests: BuyRequests

    /// - Parameters:
    ///   - lots: The lots, in turns; the target's own lot if not given.
    ///   - buyers: The prefix of the buyers' names; tapes with different prefixes have different buyers.
    package init(_ target: LoadTarget, lots: [LotID]? = nil, unit: Int = 0, count: Int, buyers: String) {
        let lots = lots ?? [target.lot]
        precondition(!lots.isEmpty, "a tape needs a lot")
        self.requests = BuyRequests(target, lots, unit: unit, buyers: buyers)
        self.orders.reserveCapacity(count)
        for number in 0..<count {
            self.orders.append(self.requests.order(number))
            self.tape.append(self.requests.request(number))
        }
    }

    /// Requests for the states of `orders`.
    package func statusTape(_ orders: some Sequence<OrderID>) -> RequestTape {
        var tape = RequestTape()
        for order in orders { tape.append("GET /v1/orders/\(order) HTTP/1.1\r\nHost: tranche\r\n\r\n") }
        return tape
    }
}
