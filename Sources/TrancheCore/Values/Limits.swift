/// Every limit of the rules, with its unit in the name. The limits of sockets and files are in the shells.
package enum Limits {
    /// UTF-8 bytes of a buyer's id.
    package static let buyerBytes = 64
    /// UTF-8 bytes of a region's name.
    package static let regionBytes = 64
    /// Buyers whom operators block in one sale. Longer lists are files of gates.
    package static let blockedBuyers = 10_000
    /// Times that the tokens of one sale can be revoked: each one is a version of the configuration.
    package static let revocations: UInt32 = 1_000_000
    /// Codes of refusals in one report of a unit.
    package static let refusalCodes = 64
    /// Variants of the rules of one sale.
    package static let variants = 16
    /// Units that are added to one sale after its opening.
    package static let branches = 64
    /// Referrals that a gate follows for one request: a unit that was added may refer to one that was added after it.
    /// The buyer prefers each next unit to the last one, so none comes twice.
    package static let referrals = Limits.branches
    /// UTF-8 bytes of a payment provider's id.
    package static let paymentBytes = 64
    /// ASCII characters of a shop's reference for an order.
    package static let referenceBytes = 64
    /// The price of one item, and what one payment can be, in minor units: any order's amount, and every sum, stays exact.
    package static let price: Int64 = 1_000_000_000_000
    package static let amount: Int64 = 1_000_000_000_000_000
    /// Payments for one order, and refunds of one order that follow from notices; one more is refused, and an alarm is raised.
    package static let paymentsPerOrder = 256
    /// Late payments of one lot that wait for their order to be revived; one more is refunded.
    package static let latePayments = 1_024
    /// Orders that a payment provider is asked about at a time, and refunds that it carries out.
    package static let providerQuestions = 256
    package static let refundsUnderway = 16
    /// The first and the longest pause before a provider is asked again: about an order that is held, and about one in doubt.
    package static let askAgainMilliseconds: ClosedRange<Int64> = 250...15_000
    package static let doubtMilliseconds: ClosedRange<Int64> = 60_000...3_600_000
    /// The same before it is told of a refund again.
    package static let refundAgainMilliseconds: ClosedRange<Int64> = 1_000...600_000
    /// The highest values of ``ProviderTerms``.
    package static let askLeadMilliseconds: Int64 = 60_000
    package static let holdUnknownMilliseconds: Int64 = 86_400_000
    package static let providerAnswerMilliseconds: Int64 = 120_000
    /// Items that one lot can have, added stock included.
    package static let stockPerLot = 1_000_000_000
    /// The highest value of any counter of items in a message.
    package static let counter = 1_000_000_000_000
    /// Items of one order, independent of the lot's own limit.
    package static let quantityPerOrder = 1_000
    /// Requests of one lot that wait for admission in one unit; one more is refused as overloaded.
    package static let waitingRequests = 20_000
    /// Requests of one lot that are decided together, with one step in Redis.
    package static let requestsPerStep = 512
    /// Lots whose steps go to Redis in one call. Redis serves nobody else meanwhile: about 0.2 ms for small batches.
    package static let lotsPerRedisCall = 128
    /// Requests of one lot that wait for quota in one unit; one more is refused as restocking.
    package static let starvedRequests = 10_000
    /// Requests of one lot that wait for returned stock, over all units.
    package static let waitlist = 10_000
    /// Candidates of one lot in a report to the coordinator, and verdicts of one lot in a reply.
    package static let candidatesPerReport = 512
    package static let verdictsPerReply = 512
    /// Candidates of all lots in one report.
    package static let candidatesPerReportInAll = 8_192
    /// Requests of the contests of one sale. The center holds 21 bytes for each verdict: 0.2 to 0.4 GB.
    package static let contestedRequests = 10_000_000
    /// The highest index of a candidate in its unit's queue.
    package static let candidateIndex = (1 << 31) - 1
    /// Waiting orders, spans of decided candidates, and other items in one page of a contest: at most 0.6 MB.
    package static let itemsPerPage = 8_192
    /// Earlier verdicts for one unit in one page: at most 0.2 MB.
    package static let verdictsPerPage = 8_192
    /// Verdicts of each unit that a leader holds; it fetches earlier ones from the center.
    package static let verdictsHeld = 65_536
    /// Requests that one decision places.
    package static let entrantsPerBatch = 2_000
    /// Reservations that one tick of a unit expires; the next tick continues.
    package static let expiriesPerTick = 2_000
    /// Refused order ids that a unit stores for one lot before it refuses all tokens issued so far.
    package static let rememberedRefusals = 1 << 20
    /// The highest fence of a lot in Redis: an incarnation and a count of primings. A higher one is damaged data.
    package static let fence: UInt64 = 1 << 52
    /// A fence this near to the limit is damaged data, too: the next ones would exceed the limit.
    package static let fenceRoom: UInt64 = 1 << 32
    /// The highest generation of a unit's ledger, incarnation of its processes, and epoch. Restarts do not reach it; a
    /// message with a higher value is refused.
    package static let generation: UInt32 = 1 << 24
    package static let incarnation: UInt64 = 1 << 28
    package static let epoch: UInt64 = 1 << 31
    /// How much further an epoch, or a version of the configuration, may be than the last one: each start of a center, each
    /// change, raises it by one. A sender of more could shut every later one out.
    package static let jump = 100_000
    /// The highest position in a ledger.
    package static let position: UInt64 = 1 << 48
    /// Copies of one request that wait for its answer; one more is refused as overloaded.
    package static let copiesPerRequest = 4
    /// Accounts of earlier generations in one report.
    package static let earlierAccounts = 256
    /// Bytes of an address or a name in a message.
    package static let urlBytes = 2_048
    /// Sentinels, or nodes of a cluster, in the settings of one Redis.
    package static let redisSources = 16
    /// Nodes of a cluster that name another one in its place, one after the other.
    package static let redisHops = 4
    /// Bytes of a host's name (RFC 1035), and of a master's name at Sentinels.
    package static let hostBytes = 253
    /// Batches of one contest.
    package static let batches: UInt64 = 1 << 48
    /// The highest uncertainty of a stamp, in microseconds: a day.
    package static let uncertaintyMicroseconds: Int64 = 86_400_000_000
    /// The longest round of a contest, and the widest band, in milliseconds.
    package static let contestWindowMilliseconds: Int64 = 10_000
    /// Grants and reclaims in one message of a coordinator.
    package static let decisionsPerMessage = 65_536
    /// Lots in one message, those of settled sales included: the log keeps all of them.
    package static let lotsPerMessage = 65_536
    /// Units of one installation.
    package static let units = 1_024
    /// Lots of one installation that are not settled.
    package static let lots = 4_096
    /// Requests that a limit of the gate admits in its window.
    package static let requestsPerWindow = 1_000_000
    /// How long items that came back are held for an order that waited, if its lot does not say.
    package static let claimWindowMilliseconds: Int64 = 120_000
    /// Callers whose limits a gate holds in memory: 0.7 GB.
    package static let rateCallers = 1 << 24
    /// The longest pause before a refused call, in milliseconds.
    package static let retryMilliseconds = 600_000
    /// Numbers of order ids of one buyer in one lot.
    package static let attempts: UInt32 = 1_000
    /// Spans of time in which a gate counts the arrivals of a lot.
    package static let arrivalSpans = 256
    /// Entries of a lot into its line.
    package static let entries = 1_000_000_000
    /// Entries of one list of buyers, or ranges of one list of addresses.
    package static let listEntries = 4_000_000
    /// Consumers of the events of one unit: each has threads of its own.
    package static let relays = 16
    /// Deliveries to one consumer at a time.
    package static let relayConcurrency = 256
    /// Events of one consumer in memory that were read and not answered: 10 MB. One commit more may be there.
    package static let relayQueue = 65_536
    /// Events of one consumer that wait for a later try, durably; and dead ones. With no room for more, reading stops.
    package static let relayLetters = 100_000
    package static let relayDeadLetters = 100_000
    /// Tries of an event after the first one, and the longest pause before one, in milliseconds: a week.
    package static let relayPauses = 20
    package static let relayPauseMilliseconds: Int64 = 604_800_000
    /// Deliveries in a row that a receiver does not take until it counts as away.
    package static let relayFailuresInRow = 16
    /// The first and the longest pause between two deliveries to a receiver that is away, in milliseconds.
    package static let relayFirstAwayMilliseconds: Int64 = 1_000
    package static let relayAwayMilliseconds: Int64 = 60_000
    /// Characters of the reason that a letter keeps.
    package static let relayReasonCharacters = 200
    /// The first incarnation of a process has fences from `1 << incarnationShift`: the rest counts its primings.
    static let incarnationShift: UInt64 = 24

    /// Bytes of an admission record before the buyer's id. The record's length is one byte.
    package static let admissionRecordBytes = 28

    /// Checks what the code assumes of limits that stand in different places. Each process calls it once, at its start.
    package static func checkRelations() {
        precondition(
            self.admissionRecordBytes + self.buyerBytes <= Int(UInt8.max), "an admission record has one length byte")
        precondition(
            self.incarnation << self.incarnationShift <= self.fence, "every incarnation has fences below the limit")
        precondition(self.fenceRoom < self.fence, "some fences are no damage")
        precondition(self.epoch << 32 > self.epoch, "an epoch is the high half of the numbers of hints and questions")
        precondition(self.stockPerLot <= self.counter, "a lot's whole stock fits into a counter")
        precondition(self.quantityPerOrder <= Int(Int16.max), "a quantity fits into its field in ledger and token")
        precondition(
            self.price <= self.amount / Int64(self.quantityPerOrder), "the amount of an order is within the limit")
        precondition(
            self.amount <= Int64.max / Int64(2 * self.paymentsPerOrder), "all payments of an order have a sum")
        precondition(self.requestsPerStep <= self.waitingRequests, "a step takes at most what may wait")
        precondition(4 * self.lotsPerRedisCall < 8_000, "Lua passes at most 8,000 values to a function")
        precondition(self.candidatesPerReport <= self.candidatesPerReportInAll, "a lot's candidates fit into a report")
        precondition(self.lots <= self.lotsPerMessage, "every open lot fits into a message")
        precondition(self.rateCallers < Int(UInt32.max), "a row of the table of callers has 32 bits")
        precondition(self.units <= Int(UInt16.max), "a unit's id has 16 bits")
    }
}
