import Testing
import Threads

@Suite("Threads of our own") struct ThreadsTests {
    @Test("an object without an owner may be used on every thread") func unownedObjectServesEveryThread() async {
        let owner = ThreadOwner("an object")
        owner.check()
        #expect(await OwnedThread.run("other") { owner.isHere })
    }

    @Test("an object belongs to its thread from the thread's first moment") func objectBelongsToThreadFromStart() async
    {
        let owner = ThreadOwner("an object")
        let isHere = await OwnedThread.run("own", owning: [owner]) {
            owner.check()
            owner.claim()  // Once more is no harm.
            return owner.isHere
        }
        #expect(isHere)
    }

    @Test("a use on another thread ends the process") func useOnWrongThreadEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            let owner = ThreadOwner("an object")
            owner.claim()
            await OwnedThread.run("other") { owner.check() }
        }
    }

    @Test("an object is not taken twice") func objectIsNotTakenTwice() async {
        await #expect(processExitsWith: .failure) {
            let owner = ThreadOwner("an object")
            owner.claim()
            await OwnedThread.run("other") { owner.claim() }
        }
    }

    @Test("a thread's name that the system would shorten is refused") func longThreadNameIsRefused() async {
        await #expect(processExitsWith: .failure) { OwnedThread.start("sixteen letters!") {} }
    }

    @Test("a thread returns its value or its error") func threadReturnsValueOrError() async throws {
        struct Failure: Error, Equatable { let number: Int }
        #expect(await OwnedThread.run("value") { 7 } == 7)
        await #expect(throws: Failure(number: 8)) {
            try await OwnedThread.run("error") { () throws(Failure) -> Int in throw Failure(number: 8) }
        }
    }
}

@Suite("Mailboxes") struct MailboxTests {
    @Test("who waits for a limited time gets what came, and otherwise nothing") func limitedWait() {
        let mailbox = Mailbox<Int>()
        #expect(mailbox.takeAll(within: 1) == nil)
        mailbox.post(7)
        #expect(mailbox.takeAll(within: 60_000) == [7])
        mailbox.close()
        #expect(mailbox.takeAll(within: 60_000) == [])
    }

    @Test("all waiting elements are taken at once, in order") func waitingElementsAreTakenInOrder() async {
        let mailbox = Mailbox<Int>()
        for number in 1...3 { mailbox.post(number) }
        #expect(await OwnedThread.run("taker") { mailbox.takeAll() } == [1, 2, 3])
    }

    @Test("a thread sleeps until an element comes") func threadSleepsUntilElementComes() async {
        let (mailbox, ready) = (Mailbox<Int>(), Mailbox<Bool>())
        OwnedThread.start("sender") {
            _ = ready.takeAll()
            mailbox.post(5)
        }
        let taken = await OwnedThread.run("taker") {
            ready.post(true)
            return mailbox.takeAll()
        }
        #expect(taken == [5])
    }

    @Test("a closed mailbox returns its waiting elements, then none, and accepts no more")
    func closedMailboxAcceptsNoMore() async {
        let mailbox = Mailbox<Int>()
        mailbox.post(1)
        mailbox.close()
        #expect(!mailbox.post(2))
        let taken = await OwnedThread.run("taker") { [mailbox.takeAll(), mailbox.takeAll(), mailbox.takeAll()] }
        #expect(taken == [[1], [], []])
    }

    @Test("a full mailbox accepts no more elements") func fullMailboxAcceptsNoMore() async {
        let mailbox = Mailbox<Int>(limit: 2)
        #expect([1, 2, 3].map { mailbox.post($0) } == [true, true, false])
        let (first, isTaken) = await OwnedThread.run("taker") { (mailbox.takeAll(), mailbox.post(4)) }
        #expect(first == [1, 2])
        #expect(isTaken)
    }

    @Test("no element is lost between many senders and one reader") func crowdOfSendersLosesNothing() async {
        let mailbox = Mailbox<Int>()
        for sender in 0..<4 {
            OwnedThread.start("sender") { for number in 0..<1_000 { mailbox.post(sender * 1_000 + number) } }
        }
        let all = await OwnedThread.run("taker") {
            var all: [Int] = []
            while all.count < 4_000 { all += mailbox.takeAll() }
            return all
        }
        #expect(Set(all).count == 4_000)
        for sender in 0..<4 {
            let mine = all.filter { $0 / 1_000 == sender }
            #expect(mine == mine.sorted())
        }
    }

    @Test("a second thread that takes elements ends the process") func secondTakerEndsProcess() async {
        await #expect(processExitsWith: .failure) {
            let (mailbox, told, never) = (Mailbox<Int>(), Mailbox<Int>(), Mailbox<Int>())
            mailbox.post(1)
            OwnedThread.start("first") {
                for number in mailbox.takeAll() { told.post(number) }
                _ = never.takeAll()  // The system could give its number to another thread if this one ended.
            }
            _ = told.takeAll()
            mailbox.post(2)
            _ = mailbox.takeAll()
        }
    }
}
