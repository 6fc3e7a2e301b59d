import TrancheCore

// All events of a world, and the parties of each.

extension World {
    enum Event {
        /// Boxed: messages are large, and events are moved often.
        indirect case message(Message)
        case unitTick(UnitID, session: UInt64)
        case unitReport(UnitID, session: UInt64)
        case registerTimeout(UnitID, session: UInt64)
        case redis(UnitID, session: UInt64, RedisWork)
        case redisAnswer(UnitID, session: UInt64, RedisAnswer)
        case startUnit(UnitID)
        case startCenter
        case coordinatorTick(Int)
        case contestTick(Int, Epoch)
        case contestReportTick(UnitID, session: UInt64)
        case intake(UnitID, session: UInt64)
        case buyer(Int, BuyerStep)
        case callbackDue(Int)
        case fault
        case faultsEnd
        case addUnit
        case settle
        indirect case trade(TradeEvent)
    }
    enum Message {
        case register(RegisterRequest)
        case registerReply(UnitID, session: UInt64, RegisterReply)
        case report(UnitReport)
        case reportReply(UnitID, session: UInt64, ReportReply)
        case push(QuotaDirectives, delta: [LotID: Int])
        case fromCoordinator(Int, CoordinatorCall)
        case toCoordinator(Int, CenterWord)
        case contestReport(UnitID, session: UInt64, ContestReport, sentAt: Instant)
        case contestReply(UnitID, session: UInt64, ContestReply, sentAt: Instant, received: Instant)
        case buy(Int, BuyRequest)
        case answer(Int, from: UnitID, BuyRequest, Answer)
        case callback(Int)
        case callbackAnswer(Int, Answer)
        case cancel(Int, OrderID)
        case trade(TradeMessage)
    }
    enum RedisWork { case steps(JoinedSteps), prime(RedisPrime), survey }
    enum RedisAnswer { case lots([LotResult]), survey(RedisSurvey?) }
}
