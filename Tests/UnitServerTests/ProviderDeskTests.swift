import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import Testing
import TrancheAPI
import TrancheCore
import UnitServer

/// The desk between a unit's machine and its payment provider.
@Suite("The desk of the payment provider", .timeLimit(.minutes(1))) struct ProviderDeskTests {
    /// Answers a call when it is told to.
    private actor Scripted: PaymentProvider {
        private var waiting: [OrderID: [CheckedContinuation<ProviderAnswer, Never>]] = [:]
        private(set) var asked: [OrderID] = []
        private(set) var most = 0
        private var underway = 0

        func create(_ charge: ChargeBody, key: String) async -> ChargeAnswer { .unknown(reason: "not here") }

        func query(_ order: OrderID) async -> (answer: ProviderAnswer, reason: String?) {
            self.asked.append(order)
            self.underway += 1
            self.most = max(self.most, self.underway)
            let answer = await withCheckedContinuation { self.waiting[order, default: []].append($0) }
            self.underway -= 1
            return (answer, answer == .unknown ? "away" : nil)
        }

        func refund(_ refund: Refund) async -> (answer: RefundAnswer, reason: String?) { (.done, nil) }

        nonisolated func stop() {}

        func answer(_ order: OrderID, _ answer: ProviderAnswer) {
            for one in self.waiting.removeValue(forKey: order) ?? [] { one.resume(returning: answer) }
        }
    }

    private let provider = Scripted()
    private let telemetry = Telemetry()
    private let events: AsyncStream<UnitMachine.Event>
    private let sink: AsyncStream<UnitMachine.Event>.Continuation

    init() { (self.events, self.sink) = AsyncStream<UnitMachine.Event>.makeStream() }

    private func desk(concurrency: Int) -> ProviderDesk {
        let sink = self.sink
        return ProviderDesk(
            self.provider, concurrency: concurrency, telemetry: self.telemetry, logger: Logger(label: "test")
        ) { sink.yield($0) }
    }

    private func order(_ number: Int) -> OrderID { OrderID(high: 1, low: UInt64(number)) }

    private func question(_ number: Int) -> ProviderQuestion {
        ProviderQuestion(order: self.order(number), amount: .none, reference: nil)
    }

    private func until(_ condition: () async -> Bool) async { while await !condition() { await Task.yield() } }

    @Test("an answer comes back as an event, and a copy of a question waits for the same answer") func answers() async {
        let desk = self.desk(concurrency: 4)
        for _ in 0..<3 { desk.ask(self.question(1)) }
        await self.until { await self.provider.asked.count == 1 }
        #expect(desk.load == (1, 0))
        await self.provider.answer(self.order(1), .unpaid)
        var events = self.events.makeAsyncIterator()
        guard case .providerAnswered(self.order(1), .unpaid)? = await events.next() else {
            return #expect(Bool(false), "no answer")
        }
        await self.until { desk.load == (0, 0) }
        #expect(await self.provider.asked.count == 1)
        desk.ask(self.question(1))
        await self.until { await self.provider.asked.count == 2 }
        await self.provider.answer(self.order(1), .unknown)
        guard case .providerAnswered(self.order(1), .unknown)? = await events.next() else {
            return #expect(Bool(false), "no second answer")
        }
        desk.carryOut(Refund(order: self.order(1), number: 3, payment: PaymentID("p")!, reason: .alreadyPaid))
        guard case .refundAnswered(let key, .done)? = await events.next() else {
            return #expect(Bool(false), "no refund")
        }
        #expect(key.description == "refund:\(self.order(1)):3")
        let text = self.telemetry.text
        #expect(text.contains("tranche_provider_calls_total{call=\"question\",answer=\"unpaid\"} 1"), "\(text)")
        #expect(text.contains("tranche_provider_calls_total{call=\"question\",answer=\"unknown\"} 1"))
    }

    @Test("no more calls are under way than allowed, and a full queue answers unknown at once") func limits() async {
        let desk = self.desk(concurrency: 2)
        let queued = Limits.providerQuestions + Limits.refundsUnderway
        for number in 0..<(2 + queued) { desk.ask(self.question(number)) }
        await self.until { await self.provider.asked.count == 2 }
        #expect(desk.load == (2, queued))
        desk.ask(self.question(9_999))
        var events = self.events.makeAsyncIterator()
        guard case .providerAnswered(self.order(9_999), .unknown)? = await events.next() else {
            return #expect(Bool(false), "a full queue has to answer")
        }
        for number in 0..<(2 + queued) {
            await self.until { await self.provider.asked.contains(self.order(number)) }
            await self.provider.answer(self.order(number), .unpaid)
        }
        await self.until { desk.load == (0, 0) }
        #expect(await self.provider.most == 2)
    }
}
