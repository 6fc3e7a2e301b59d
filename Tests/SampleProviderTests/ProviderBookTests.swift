import DaemonSupport
import SampleProvider
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// The provider's book on disk.
@Suite("The provider's book") struct ProviderBookTests {
    static let order = OrderID(high: 7, low: 9)
    static let now = Instant(microseconds: 1_800_000_000_000_000)

    private func charge(
        _ book: ProviderBook, _ key: String, amount: Int64 = 500, callback: String? = nil, copies: Int = 1,
        after milliseconds: Int64 = 0
    ) async throws -> (charge: ChargeDocument, isNew: Bool) {
        try await book.charge(
            ChargeBody(order: Self.order, amount: amount, currency: "EUR", callback: callback), key: key,
            id: try #require(PaymentID("id-\(key)")), copies: copies,
            due: Self.now.advanced(milliseconds: milliseconds))
    }

    private func refund(
        _ book: ProviderBook, _ key: String, of payment: String, _ amount: Int64?, currency: String? = "EUR",
        fails: Bool = false, ends milliseconds: Int64 = 0
    ) async throws -> (refund: RefundDocument, isNew: Bool) {
        let body = RefundBody(
            order: Self.order, payment: try #require(PaymentID(payment)), amount: amount,
            currency: amount == nil ? nil : currency)
        return try await book.refund(
            body, key: key, ends: Self.now.advanced(milliseconds: milliseconds), fails: fails, now: Self.now)
    }

    private func code<Value>(_ body: () async throws -> Value) async -> String? {
        do {
            _ = try await body()
            return nil
        } catch { return (error as? Problem).map { "\($0.status) \($0.code)" } }
    }

    @Test("a key stands for one payment, also at a provider that was started again") func keysOfPayments() async throws
    {
        let folder = try TemporaryFolder.make()
        let first = try ProviderBook(folder: folder)
        #expect(try await self.charge(first, "a").isNew)
        let second = try ProviderBook(folder: folder)
        let again = try await self.charge(second, "a")
        #expect(!again.isNew && again.charge.payment.rawValue == "id-a")
        #expect(await self.code { try await self.charge(second, "a", amount: 501) } == "409 key_reused")
        #expect(try await second.charges(of: Self.order).count == 1)
        #expect(try await self.charge(second, "b").isNew, "a buyer may pay twice")
        #expect(try await second.charges(of: Self.order).map(\.amount) == [500, 500])
    }

    @Test("a key stands for one refund, and no refund exceeds its payment") func refunds() async throws {
        let folder = try TemporaryFolder.make()
        let book = try ProviderBook(folder: folder)
        _ = try await self.charge(book, "a")
        #expect(try await self.refund(book, "r:1", of: "id-a", 200).isNew)
        #expect(try await !self.refund(book, "r:1", of: "id-a", 200).isNew)
        #expect(await self.code { try await self.refund(book, "r:1", of: "id-a", 300) } == "409 key_reused")
        #expect(await self.code { try await self.refund(book, "r:2", of: "id-a", 301) } == "409 refund_too_high")
        #expect(
            await self.code { try await self.refund(book, "r:2", of: "id-a", 1, currency: "USD") }
                == "409 other_payment")
        #expect(await self.code { try await self.refund(book, "r:2", of: "id-x", 1) } == "404 unknown_payment")
        let rest = try await self.refund(book, "r:3", of: "id-a", nil)
        #expect(rest.refund.amount == 300, "all that is left")
        #expect(await self.code { try await self.refund(book, "r:4", of: "id-a", nil) } == "409 refund_too_high")
        let page = try await ProviderBook(folder: folder).page(after: "", now: Self.now)
        #expect(page.payments.map(\.charge.refunded) == [500])
        #expect(page.payments.flatMap(\.refunds).map(\.key) == ["r:1", "r:3"])
        let lines = ["charged,500,id-a", "refunded,200,id-a", "refunded,300,id-a"].map { "\(Self.order),\($0)\r\n" }
        #expect(page.csv == lines.joined())
    }

    @Test("a refund is pending until its time, and one that fails gives nothing back") func statesOfRefunds()
        async throws
    {
        let book = try ProviderBook(folder: try TemporaryFolder.make())
        _ = try await self.charge(book, "a")
        #expect(try await self.refund(book, "r:1", of: "id-a", 100, ends: 2_000).refund.state == .pending)
        let later = Self.now.advanced(milliseconds: 2_000)
        #expect(try await book.refund("r:1", now: later)?.state == .done)
        #expect(try await self.refund(book, "r:2", of: "id-a", 400, fails: true).refund.state == .failed)
        #expect(try await book.charges(of: Self.order).map(\.refunded) == [100])
        #expect(try await book.refund("r:3", now: later) == nil)
    }

    @Test("callbacks are due when their time has come, as often as was asked, until they have a last answer")
    func callbacks() async throws {
        let folder = try TemporaryFolder.make()
        let book = try ProviderBook(folder: folder)
        _ = try await self.charge(book, "a", callback: "us-east", copies: 3, after: 1_000)
        _ = try await self.charge(book, "b")
        #expect(try await book.dueCallbacks(now: Self.now, limit: 10, except: []).isEmpty)
        let later = Self.now.advanced(milliseconds: 1_000)
        let due = try await book.dueCallbacks(now: later, limit: 10, except: [])
        #expect(due.map(\.payment) == ["id-a", "id-a", "id-a"])
        #expect(due.allSatisfy { $0.receiver == "us-east" && $0.amount == 500 && $0.tries == 0 })
        #expect(try await book.dueCallbacks(now: later, limit: 10, except: [due[0].number]).count == 2)
        try await book.answered(due[0], status: 200, due: later)
        try await book.answered(due[1], status: nil, due: later.advanced(milliseconds: 200))
        let again = try ProviderBook(folder: folder)
        #expect(try await again.dueCallbacks(now: later, limit: 10, except: []).map(\.number) == [due[2].number])
        let last = try await again.dueCallbacks(
            now: later.advanced(milliseconds: 200), limit: 10, except: [due[2].number])
        #expect(last.map(\.tries) == [1])
        #expect(try await again.openCallbacks() == 2)
    }

    @Test("faults are kept, and each one beyond its limit is named") func faults() async throws {
        let folder = try TemporaryFolder.make()
        let book = try ProviderBook(folder: folder)
        #expect(try await book.faults() == ProviderFaults())
        var wanted = ProviderFaults()
        (wanted.away, wanted.callbackCopies) = (.silence, 3)
        try await book.keep(wanted)
        #expect(try await ProviderBook(folder: folder).faults() == wanted)
        #expect(try JSON.decode(ProviderFaults.self, from: #"{"lies":"unpaidFirst"}"#.utf8).lies == .unpaidFirst)
        wanted.slowMilliseconds = 600_001
        #expect(await self.code { try wanted.check() } == "400 invalid_faults")
        #expect(throws: StartError.self) { try ProviderDaemon.receivers("us-east=ftp://x") }
        #expect(try ProviderDaemon.receivers("a=http://x:1,b=https://y") == ["a": "http://x:1", "b": "https://y"])
    }
}
