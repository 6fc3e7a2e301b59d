import Testing
import TrancheCore

@Suite("Asking before stock is given back") struct ProviderQuestionTests {
    private static var terms: ProviderTerms {
        var terms = ProviderTerms()
        (terms.askLeadMilliseconds, terms.holdUnknownMilliseconds) = (200, 60_000)
        return terms
    }

    private func bench(_ granted: Int) -> Bench { Bench.selling(granted, provider: Self.terms) }

    @Test("an order is asked about shortly before its deadline; unpaid, it is on sale again at the deadline")
    func unpaid() {
        let bench = self.bench(1)
        let order = bench.buy("a", reference: OrderReference("r"))!.order!
        bench.wait(milliseconds: 799)
        #expect(bench.questions.isEmpty)
        bench.wait(milliseconds: 1)
        #expect(
            bench.questions == [ProviderQuestion(order: order.id, amount: .eur(1_000), reference: OrderReference("r"))])
        bench.feed(.providerAnswered(order.id, .unpaid))
        #expect(bench.state(order.id) == .reserved)
        bench.wait(milliseconds: 200)
        #expect(bench.state(order.id) == .expired)
        #expect(bench.buy("b")?.order?.state == .reserved)
        #expect(bench.questions.count == 1)
    }

    @Test("an answer after the deadline releases at once") func unpaidAfterDeadline() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 1_100)
        #expect(bench.state(id) == .reserved, "nobody has answered")
        bench.feed(.providerAnswered(id, .unpaid))
        #expect(bench.state(id) == .expired)
    }

    @Test("what the provider has pays for the order, without a callback") func paid() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 900)
        bench.feed(
            .providerAnswered(
                id,
                .paid([
                    Payment(id: PaymentID("p")!, amount: .eur(400)), Payment(id: PaymentID("q")!, amount: .eur(700)),
                ])))
        #expect(bench.state(id) == .paid)
        #expect(bench.due(id) == ["1 q 100 EUR overPaid"])
        bench.wait(milliseconds: 10_000)
        #expect(bench.state(id) == .paid)
        #expect(bench.machine.questionsOpen == 0)
    }

    @Test("a part is no payment: the order ends at its deadline, and the part is due back") func part() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 900)
        bench.feed(.providerAnswered(id, .paid([Payment(id: PaymentID("p")!, amount: .eur(400))])))
        #expect(bench.state(id) == .reserved)
        bench.wait(milliseconds: 100)
        #expect(bench.state(id) == .expired)
        #expect(bench.due(id) == ["1 p 400 EUR orderOver"])
    }

    @Test("an unknown stays held, is asked about in growing pauses, and can be paid meanwhile") func unknown() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 1_000)
        for _ in 0..<60 {
            bench.feed(.providerAnswered(id, .unknown))
            bench.wait(milliseconds: 250)
        }
        #expect(bench.state(id) == .reserved)
        #expect((4...9).contains(bench.questions.count), "\(bench.questions.count)")
        #expect(bench.pay(id, "p", .eur(1_000))?.order?.state == .paid)
        bench.feed(.providerAnswered(id, .unpaid))
        #expect(bench.state(id) == .paid, "what is paid stays paid, whatever the provider says")
    }

    @Test("after the stated time the order expires in doubt, and money that is found later comes back") func doubt() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 1_000)
        bench.wait(milliseconds: 59_999)
        #expect(bench.state(id) == .reserved)
        bench.wait(milliseconds: 1)
        #expect(bench.state(id) == .expired)
        #expect(bench.entries.last == .doubt(id, isOpen: true))
        #expect(bench.buy("b")?.order?.state == .reserved)
        let asked = bench.questions.count
        bench.wait(milliseconds: 200_000)
        #expect(bench.questions.count > asked, "it is asked on")
        let paid = ProviderAnswer.paid([Payment(id: PaymentID("p")!, amount: .eur(1_000))])
        bench.feed(.providerAnswered(id, paid))
        #expect(bench.due(id) == ["1 p 1000 EUR orderOver"])
        bench.wait(milliseconds: 3_600_000)
        bench.feed(.providerAnswered(id, paid))
        #expect(!bench.machine.book.doubts.contains(id), "the ledger has all that the provider has")
        #expect(bench.due(id).count == 1)
    }

    @Test("a unit that was away for longer than the stated time asks before it sells the items again") func away() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 100_000)
        #expect(bench.questions.map(\.order) == [id])
        #expect(bench.state(id) == .reserved, "the question has its time")
        bench.wait(milliseconds: 9_999)
        #expect(bench.state(id) == .reserved)
        bench.wait(milliseconds: 1)
        #expect(bench.state(id) == .expired)
        #expect(bench.entries.last == .doubt(id, isOpen: true))
    }

    @Test("a doubt, and a refund that is not done, outlive the process") func restart() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.pay(id, "p", .eur(300))
        bench.wait(milliseconds: 61_000)
        bench.wait(milliseconds: 10_000)
        #expect(bench.due(id) == ["1 p 300 EUR orderOver"])
        let next = Bench(book: bench.replayed, provider: Self.terms)
        next.now = bench.now
        next.start(granted: 1, price: .eur(1_000))
        next.feed(.tick)
        #expect(next.questions.map(\.order) == [id])
        #expect(next.refunds.map(\.key.description) == ["refund:\(id):1"])
        next.feed(.refundAnswered(next.refunds[0].key, .done))
        next.feed(.providerAnswered(id, .unpaid))
        #expect(next.machine.refundsOpen == 0 && next.machine.questionsOpen == 0)
        #expect(next.entries.suffix(2) == [.refunded(RefundKey(order: id, number: 1)), .doubt(id, isOpen: false)])
    }

    @Test("no more questions are under way than the limit, and the others follow") func limit() {
        let bench = self.bench(Limits.providerQuestions + 10)
        for number in 0..<Limits.providerQuestions + 10 { bench.buy("b\(number)") }
        bench.wait(milliseconds: 1_000)
        #expect(bench.questions.count == Limits.providerQuestions)
        for question in bench.questions { bench.feed(.providerAnswered(question.order, .unpaid)) }
        bench.feed(.tick)
        #expect(bench.questions.count == Limits.providerQuestions + 10)
        #expect(bench.counters.cancelled == Limits.providerQuestions)
    }

    @Test("a question without any answer counts as unknown, and is put again") func silence() {
        let bench = self.bench(1)
        bench.buy("a")
        bench.wait(milliseconds: 1_000)
        bench.wait(milliseconds: 9_999)
        #expect(bench.questions.count == 1)
        bench.wait(milliseconds: 1)
        bench.wait(milliseconds: 250)
        #expect(bench.questions.count == 2)
    }

    @Test("a refund is told of again until it is done, under one key, and is done once") func refundIsWatched() {
        let bench = self.bench(1)
        let id = bench.buy("a")!.order!.id
        bench.pay(id, "p", .eur(1_500))
        bench.feed(.tick)
        #expect(bench.refunds.map(\.amount) == [.eur(500)])
        let key = bench.refunds[0].key
        #expect(key.description == "refund:\(id):1")
        for answer in [RefundAnswer.unknown, .pending, .refused(reason: "no")] {
            bench.feed(.refundAnswered(key, answer))
            bench.wait(milliseconds: Limits.refundAgainMilliseconds.upperBound)
        }
        #expect(bench.refunds.count == 4 && Set(bench.refunds.map(\.key)).count == 1)
        #expect(bench.alarms.count == 1)
        for _ in 0..<2 { bench.feed(.refundAnswered(key, .done)) }
        #expect(bench.entries.filter { if case .refunded = $0 { true } else { false } }.count == 1)
        bench.wait(milliseconds: 10_000_000)
        #expect(bench.refunds.count == 4)
    }

    @Test("money for an unknown order stays with the provider until a person looks: another unit may have the order")
    func unknownOrderIsListed() {
        let bench = self.bench(1)
        let id = OrderID(high: 70, low: 1)
        #expect(bench.pay(id, "p", .eur(1_000)) == .refused(.unknownPayment(id)))
        bench.wait(milliseconds: 1_000)
        #expect(bench.due(id) == ["1 p 1000 EUR unknownOrder"])
        #expect(bench.refunds.isEmpty && bench.machine.refundsOpen == 0)
        #expect(bench.machine.book.refunds.map(\.isByProvider) == [false])
    }

    @Test("without a provider nobody is asked, and refunds are only listed") func noProvider() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        bench.pay(id, "p", .eur(1_500))
        bench.wait(milliseconds: 10_000)
        #expect(bench.questions.isEmpty && bench.refunds.isEmpty)
        #expect(bench.machine.book.refunds.map(\.isByProvider) == [false])
    }
}
