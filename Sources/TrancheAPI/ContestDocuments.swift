package import TrancheCore

/// A coordinator's decision, sent to the center for the log.
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
