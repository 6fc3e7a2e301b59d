import Crypto
package import TrancheCore

/// A contest as a coordinator takes it over.
package struct ContestDocument: Sendable, Codable {
    package let book: ContestBook
    /// The sale's secret: for coordinators only, until the sale is settled.
    package let tieSecret: String
    package init(book: ContestBook, tieSecret: String) { (self.book, self.tieSecret) = (book, tieSecret) }
}

/// A coordinator's decision on its way to the log.
package struct ContestCommand: Sendable, Codable {
    package let epoch: Epoch
    package let batch: ContestBatch
    package init(epoch: Epoch, batch: ContestBatch) { (self.epoch, self.batch) = (epoch, batch) }
}

package struct ContestAck: Sendable, Codable {
    package let pool: Int
    package let coming: Int
    package let mayReturn: Int
    package init(pool: Int, coming: Int, mayReturn: Int) {
        self.pool = pool
        self.coming = coming
        self.mayReturn = mayReturn
    }
}

/// A coordinator's answer to a unit, with two of the four stamps of the round trip, by the coordinator's clock.
package struct ContestReplyEnvelope: Sendable, Codable {
    package let reply: ContestReply
    package let receivedAt: Instant
    package let sentAt: Instant
    package init(reply: ContestReply, receivedAt: Instant, sentAt: Instant) {
        self.reply = reply
        self.receivedAt = receivedAt
        self.sentAt = sentAt
    }
}

/// What a unit says of its clock.
package struct ClockDocument: Hashable, Sendable, Codable {
    package let state: ClockCheck.State
    package let uncertaintyMicroseconds: Int64
    /// Of the fastest round trip to the coordinator in the last 20 s: an estimate, good to half of its delay.
    package let offsetMicroseconds: Int64?
    package let delayMicroseconds: Int64?
    package let steps: Int
    package let refusedFences: Int
    package init(_ check: ClockCheck, refusedFences: Int) {
        self.state = check.state
        self.uncertaintyMicroseconds = check.uncertaintyMicroseconds
        self.offsetMicroseconds = check.best?.offsetMicroseconds
        self.delayMicroseconds = check.best?.delayMicroseconds
        self.steps = check.steps
        self.refusedFences = refusedFences
    }
}

/// The tie keys of a sale: HMAC-SHA256 (RFC 2104) over the order id, with the sale's secret.
package struct TieKey: Sendable {
    private let key: SymmetricKey
    package init(secret: String) { self.key = SymmetricKey(data: Array(secret.utf8)) }

    /// The first 8 bytes, as a number.
    package func callAsFunction(_ order: OrderID) -> UInt64 {
        let mac = withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) {
            HMAC<SHA256>.authenticationCode(for: Array($0), using: self.key)
        }
        return mac.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    /// What is published of a secret before the sale.
    package static func hash(of secret: String) -> String { ConfigPush.checksum(of: secret) }
}
