import DaemonSupport
import Lanes
import Sockets
import Testing

@Suite("A lane's connection") struct LaneConnectionTests {
    private static func accepted() -> LaneConnection {
        var connection = LaneConnection()
        connection.accept(7, .local, now: 0)
        return connection
    }

    @Test("a connection goes from accept to end, with one immediate and one later answer")
    func connectionAnswersFromAcceptToEnd() {
        var connection = LaneConnection()
        #expect(connection.state == .free && !connection.isOpen)
        connection.accept(7, .local, now: 0)
        #expect(connection.state == .listening && connection.mayServe && connection.descriptor == 7)
        let firstTicket = connection.beginRequest(turn: 1, keepsAlive: true)
        #expect(firstTicket == 2)
        #expect(connection.state == .asking(keepsAlive: true) && connection.isAsking && connection.isBusy)
        let goesOn = connection.beginAnswer(now: 1)
        #expect(goesOn)
        #expect(connection.state == .answering(keepsAlive: true) && !connection.isAsking && connection.isBusy)
        connection.endAnswer(isLast: false, now: 1)
        #expect(connection.state == .listening)

        let secondTicket = connection.beginRequest(turn: 1, keepsAlive: false)
        #expect(secondTicket == 3)
        connection.markQueued(recovery: 4)
        #expect(connection.state == .queued(recovery: 4, keepsAlive: false) && connection.isAsking)
        let stillGoesOn = connection.beginAnswer(now: 2)
        #expect(!stillGoesOn)
        connection.endAnswer(isLast: false, now: 2)
        #expect(connection.state == .leaving && !connection.isBusy && !connection.mayServe)
        connection.free()
        #expect(connection.state == .free)
    }

    @Test("the ticket's count continues when a slot is used again") func ticketCountContinuesInReusedSlot() {
        var connection = Self.accepted()
        let first = connection.beginRequest(turn: 1, keepsAlive: true)
        connection.free()
        connection.accept(8, .local, now: 1)
        let second = connection.beginRequest(turn: 1, keepsAlive: true)
        #expect(second > first)
    }

    @Test("a recovery of the intake ends only requests that were handed in before it", arguments: [3, 4, 5])
    func recoveryEndsOnlyEarlierRequests(recovery: UInt64) {
        var connection = Self.accepted()
        #expect(!connection.isQueued(before: recovery))
        _ = connection.beginRequest(turn: 1, keepsAlive: true)
        #expect(!connection.isQueued(before: .max))
        connection.markQueued(recovery: 4)
        #expect(connection.isQueued(before: recovery) == (recovery > 4))
    }

    @Test("bytes that the socket did not take are kept, and nothing is read meanwhile")
    func unsentBytesStayAndStopReading() {
        var connection = Self.accepted()
        _ = connection.beginRequest(turn: 1, keepsAlive: true)
        _ = connection.beginAnswer(now: 0)
        connection.keepUnsent([1, 2, 3], now: 0)
        #expect(!connection.wantsToRead && !connection.mayServe)
        let isAllWritten = connection.wrote(2, now: 1)
        #expect(!isAllWritten)
        #expect(connection.outgoing == [3])
        let isWrittenNow = connection.wrote(1, now: 1)
        #expect(isWrittenNow)
        connection.endAnswer(isLast: false, now: 1)
        #expect(connection.wantsToRead && connection.mayServe)
    }

    @Test("in a stopping lane every answer is the last one, and the bytes behind its request are dropped")
    func stoppingLaneGivesLastAnswersOnly() {
        var connection = Self.accepted()
        _ = connection.beginRequest(turn: 1, keepsAlive: true)
        connection.keep([1, 2])
        _ = connection.beginAnswer(now: 0)
        connection.endAnswer(isLast: true, now: 0)
        #expect(connection.isLeaving && !connection.hasPending)
    }

    @Test("a request that never becomes whole is answered, and ends its connection") func slowRequestEndsItsConnection()
    {
        var connection = Self.accepted()
        connection.giveUpReading()
        let goesOn = connection.beginAnswer(now: 0)
        #expect(!goesOn)
        connection.endAnswer(isLast: false, now: 0)
        #expect(connection.isLeaving)
    }

    @Test("a turn serves requests up to its limit, and the next turn the rest") func turnServesUpToItsLimit() {
        var connection = Self.accepted()
        for turn in UInt64(1)...2 {
            for _ in 0..<LaneConnection.requestsPerTurn {
                #expect(!connection.isPostponed(in: turn))
                _ = connection.beginRequest(turn: turn, keepsAlive: true)
                _ = connection.beginAnswer(now: 0)
                connection.endAnswer(isLast: false, now: 0)
            }
            #expect(connection.isPostponed(in: turn))
            #expect(!connection.isPostponed(in: turn + 1))
        }
    }
}

@Suite("Changes that a connection's state does not allow end the process") struct LaneConnectionRefusalTests {
    @Test("a second request before the answer to the first one") func secondRequestBeforeAnswerEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            _ = connection.beginRequest(turn: 1, keepsAlive: true)
            _ = connection.beginRequest(turn: 1, keepsAlive: true)
        }
    }

    @Test("an answer to nothing") func unaskedAnswerEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            _ = connection.beginAnswer(now: 0)
        }
    }

    @Test("two connections in one slot") func secondConnectionInSlotEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            connection.accept(8, .local, now: 0)
        }
    }

    @Test("the end of an answer of which a part is unsent") func endOfUnsentAnswerEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            _ = connection.beginRequest(turn: 1, keepsAlive: true)
            _ = connection.beginAnswer(now: 0)
            connection.keepUnsent([1], now: 0)
            connection.endAnswer(isLast: false, now: 0)
        }
    }

    @Test("a request that is queued before it was read, or twice") func unreadOrSecondQueueingEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            connection.markQueued(recovery: 1)
        }
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            _ = connection.beginRequest(turn: 1, keepsAlive: true)
            connection.markQueued(recovery: 1)
            connection.markQueued(recovery: 1)
        }
    }

    @Test("a slot that is made free twice") func secondFreeingOfSlotEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            var connection = LaneConnection()
            connection.accept(7, .local, now: 0)
            connection.free()
            connection.free()
        }
    }
}
