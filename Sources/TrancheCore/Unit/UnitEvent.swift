extension UnitMachine {
    package enum Event: Sendable {
        case started
        case surveyed(RedisSurvey?)
        case registered(RegisterReply)
        case registrationFailed
        /// The ledger's digest at the position that was asked for, if it reaches that far.
        case proof(ChallengeAnswer)
        case configured([LotRules])
        case requests([BuyRequest])
        /// Every request stamped up to here has been handed in.
        case stamped(upTo: Stamp)
        /// It is time to report to the coordinator.
        case contestReportDue
        case contestReply(ContestReply)
        case redisResult(lot: LotID, fence: UInt64, RedisResult)
        /// Those of one call. Handed in together, what waits is decided once for all of them, and goes to Redis in one call.
        case redisResults([LotResult])
        case payment(PaymentNotice, ticket: UInt64)
        case cancel(OrderID, ticket: UInt64)
        /// A payment, or a cancellation, of an order that the shell has found in an archive.
        case archivedPayment(StoredOrder, PaymentNotice, ticket: UInt64)
        case archivedCancel(StoredOrder, ticket: UInt64)
        /// The answer to ``UnitEffect/askProvider(_:)``. May come late or many times.
        case providerAnswered(OrderID, ProviderAnswer)
        /// The answer to ``UnitEffect/refund(_:)``. May come late or many times.
        case refundAnswered(RefundKey, RefundAnswer)
        /// The file of a settled lot is written; `nil` if it could not be.
        case archiveEnded(ArchivedLot?)
        case directives(QuotaDirectives)
        case reportDue(nonce: UInt64)
        /// The center answered a report with "register first".
        case registrationLost
        case superseded
        case tick
        /// Stock has become durable for which requests wait: they can be decided now.
        case nextRound
        /// The process ends: no request waits for quota any more.
        case closing
    }

    enum Registration: Hashable, Sendable {
        /// Can transition to: `unvouched`, `stopped`.
        case surveying
        /// No party has vouched for the ledger yet: nothing is sold. Can transition to: `vouchedByRedis`, `registered`,
        /// `stopped`.
        case unvouched
        /// Redis vouched while the center is away: the unit sells what it holds, and goes on registering. Can transition to:
        /// `registered`, `unvouched`, `stopped`.
        case vouchedByRedis
        /// Can transition to: `unvouched`, `stopped`.
        case registered
        case stopped
    }
}

extension UnitMachine.Event {
    /// A payment without an amount.
    package static func payment(_ order: OrderID, payment: PaymentID, ticket: UInt64) -> Self {
        .payment(PaymentNotice(order: order, payment: payment), ticket: ticket)
    }
}
