import NIOConcurrencyHelpers
import RabbitClient
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import UnitServer

/// Events in the exchanges of a real RabbitMQ. It takes seconds to start, so all tests have the same one.
@Suite("RabbitMQ sink", .serialized, .timeLimit(.minutes(5))) struct RabbitSinkTests {
    private static let common = Result { try PrivateRabbit() }

    private let rabbit: PrivateRabbit

    init() throws { self.rabbit = try Self.common.get() }

    /// Lots 1 and 2 have a sale each.
    private func event(_ number: UInt64, lot: UInt32 = 1) -> OutboxEvent {
        let order = Order(
            id: OrderID(high: 1, low: number), buyer: BuyerID("ann")!, lot: LotID(lot), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 9))
        return LedgerEntry.reserved(order).events(at: number, generation: Generation(1))[0]
    }

    private func refund(_ number: UInt64) -> OutboxEvent {
        LedgerEntry.refundDue(OrderID(high: 1, low: number), payment: PaymentID("p")!, reason: .unknownOrder)
            .events(at: number, generation: Generation(1))[0]
    }

    /// Each test has exchanges of its own.
    private func sink(
        _ prefix: String, address: RabbitAddress? = nil, authorities: String = "",
        login: @escaping @Sendable () -> RabbitConnection.Login? = { PrivateRabbit.login }
    ) -> RabbitSink {
        RabbitSink(
            RabbitSettings(
                address: address ?? self.rabbit.address, prefix: prefix, authorities: authorities, login: login),
            timeoutMilliseconds: 10_000, unit: UnitID(3), saleOf: { [LotID(1): "spring", LotID(2): "autumn"][$0] })
    }

    private func bind(_ queue: String, _ exchange: String, keys: String = "#") throws {
        let connection = try self.rabbit.connect()
        try connection.bind(queue: queue, to: exchange, keys: keys)
        connection.close()
    }

    private func answer(_ sink: RabbitSink, _ event: OutboxEvent) async -> RelayMachine.Answer {
        await withCheckedContinuation { continuation in
            sink.deliver(event) { continuation.resume(returning: $0) }
        }
    }

    private func isNo(_ answer: RelayMachine.Answer, _ part: String) -> Bool {
        if case .no(let reason, _) = answer { reason.contains(part) } else { false }
    }

    @Test("each sale has an exchange, and an event is a message with its id, type, order and the webhook's body")
    func eventsAreMessages() async throws {
        try self.bind("a", "a.sale.spring")
        try self.bind("b", "a.sale.autumn", keys: "order.reserved.2")
        try self.bind("c", "a.refunds")
        let sink = self.sink("a")
        defer { sink.stop() }
        for number in 1...4 as ClosedRange<UInt64> {
            #expect(await self.answer(sink, self.event(number)) == .yes)
        }
        #expect(await self.answer(sink, self.event(5, lot: 2)) == .yes)
        #expect(await self.answer(sink, self.refund(6)) == .yes)
        let messages = try self.rabbit.takeAll(from: "a")
        #expect(messages.map(\.id) == (1...4).map { "3:1:\($0):0" })
        let first = try #require(messages.first)
        #expect(first.routingKey == "order.reserved.1")
        #expect(first.type == "tranche.order.reserved")
        #expect(first.contentType == "application/cloudevents+json")
        #expect(first.correlationID == "\(OrderID(high: 1, low: 1))")
        #expect(first.body == WebhookBody.json(self.event(1), unit: UnitID(3)))
        #expect(try self.rabbit.takeAll(from: "b").map(\.id) == ["3:1:5:0"])
        #expect(try self.rabbit.takeAll(from: "c").map(\.routingKey) == ["order.refund_due.none"])
    }

    @Test("an event that no queue would get is not delivered, and the others of its batch are")
    func unroutedEventsComeBack() async throws {
        try self.bind("u", "u.sale.spring")
        let sink = self.sink("u")
        defer { sink.stop() }
        let answers = await withTaskGroup(of: (UInt64, RelayMachine.Answer).self) { group in
            for number in 1...40 as ClosedRange<UInt64> {
                let event = self.event(number, lot: number % 4 == 0 ? 2 : 1)
                group.addTask { (number, await self.answer(sink, event)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (number, answer) in answers {
            if number % 4 == 0 {
                #expect(self.isNo(answer, "no queue is bound to exchange u.sale.autumn for order.reserved.2"))
            } else {
                #expect(answer == .yes)
            }
        }
        try self.bind("v", "u.sale.autumn")
        #expect(await self.answer(sink, self.event(4, lot: 2)) == .yes)
        #expect(try self.rabbit.takeAll(from: "u").count == 30)
        #expect(self.isNo(await self.answer(sink, self.event(41, lot: 3)), "lot 3 is in no sale"))
    }

    @Test("an exchange of another type refuses its events only, and says why") func otherExchange() async throws {
        try self.bind("e", "e.sale.spring")
        let connection = try self.rabbit.connect()
        try connection.declare(exchange: "e.sale.autumn", type: "fanout")
        connection.close()
        let sink = self.sink("e")
        defer { sink.stop() }
        #expect(await self.answer(sink, self.event(1)) == .yes)
        let refused = await self.answer(sink, self.event(2, lot: 2))
        #expect(self.isNo(refused, "exchange e.sale.autumn: 406"), "\(refused)")
        #expect(await self.answer(sink, self.event(3)) == .yes)
        #expect(try self.rabbit.takeAll(from: "e").map(\.id) == ["3:1:1:0", "3:1:3:0"])
    }

    @Test("a wrong password is a no, and the next connection shows the one that replaced it")
    func passwords() async throws {
        try self.bind("p", "p.sale.spring")
        let password = NIOLockedValueBox("wrong")
        let sink = self.sink("p") {
            RabbitConnection.Login(user: PrivateRabbit.login.user, password: password.withLockedValue { $0 })
        }
        defer { sink.stop() }
        let refused = await self.answer(sink, self.event(1))
        #expect(self.isNo(refused, "the login: 403 ACCESS_REFUSED"), "\(refused)")
        password.withLockedValue { $0 = PrivateRabbit.login.password }
        #expect(await self.answer(sink, self.event(1)) == .yes)
    }

    @Test("with amqps the broker's certificate must be of an authority of the file, and for the host's name")
    func certificates() async throws {
        try self.bind("s", "s.sale.spring")
        let sink = self.sink("s", address: self.rabbit.secureAddress, authorities: self.rabbit.authorities)
        #expect(await self.answer(sink, self.event(1)) == .yes)
        sink.stop()
        let other = RabbitAddress("amqps://127.0.0.1:\(self.rabbit.securePort)")
        for (address, authorities) in [
            (self.rabbit.secureAddress, RabbitSettings.authorities), (try #require(other), self.rabbit.authorities),
        ] {
            let stranger = self.sink("s", address: address, authorities: authorities)
            let refused = await self.answer(stranger, self.event(2))
            #expect(self.isNo(refused, "no answer from RabbitMQ"), "\(refused)")
            stranger.stop()
            #expect(self.isNo(await self.answer(stranger, self.event(2)), "the unit stops"))
        }
    }

    @Test("a broker that is killed loses nothing that was answered with yes, and takes the next event when it is back")
    func killedBroker() async throws {
        try self.bind("k", "k.sale.spring")
        let sink = self.sink("k")
        defer { sink.stop() }
        let taken = NIOLockedValueBox<Set<String>>([])
        let refused = NIOLockedValueBox(0)
        // As a relay does: some at a time, and the next one behind an answer.
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<16 as Range<UInt64> {
                group.addTask {
                    for number in 0..<200 as Range<UInt64> {
                        let event = self.event(lane * 1_000 + number + 1)
                        guard await self.answer(sink, event) == .yes else {
                            refused.withLockedValue { $0 += 1 }
                            continue
                        }
                        taken.withLockedValue { _ = $0.insert(event.id(of: UnitID(3))) }
                    }
                }
            }
            while taken.withLockedValue({ $0.count }) < 400 { try? await Task.sleep(for: .milliseconds(1)) }
            self.rabbit.kill()
        }
        #expect(refused.withLockedValue { $0 } > 0)
        try self.rabbit.start()
        #expect(await self.answer(sink, self.event(999_999)) == .yes)
        let kept = Set(try self.rabbit.takeAll(from: "k").map(\.id))
        #expect(kept.isSuperset(of: taken.withLockedValue { $0 }))
        #expect(kept.contains("3:1:999999:0"))
    }
}
