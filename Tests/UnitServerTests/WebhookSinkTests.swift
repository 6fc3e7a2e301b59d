import DaemonSupport
import Foundation
import LoadGenerator
import NIOConcurrencyHelpers
import Testing
import TrancheAPI
import TrancheCore
import UnitServer

/// What each kind of receiver gets the unit to do.
@Suite("Webhook sink") struct WebhookSinkTests {
    private static let secret = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()

    private func event() -> OutboxEvent {
        let order = Order(
            id: OrderID(high: 1, low: 2), buyer: BuyerID("ann")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: 5), deadline: Instant(microseconds: 9))
        return LedgerEntry.reserved(order).events(at: 4, generation: Generation(1))[0]
    }

    private func answer(
        from url: String, mayBePrivate: Bool = true, timeoutMilliseconds: Int = 5_000
    ) async throws -> RelayMachine.Answer {
        let webhooks = WebhookSettings(
            url: url, mayBePrivate: mayBePrivate, signature: try #require(WebhookSignature(secrets: [Self.secret])))
        let sink = WebhookSink(webhooks, timeoutMilliseconds: timeoutMilliseconds, unit: UnitID(3))
        defer { sink.stop() }
        return await withCheckedContinuation { continuation in
            sink.deliver(self.event()) { continuation.resume(returning: $0) }
        }
    }

    private func isNo(_ answer: RelayMachine.Answer, _ part: String) -> Bool {
        if case .no(let reason, _) = answer { reason.contains(part) } else { false }
    }

    @Test("a webhook is a signed CloudEvent, and 2xx is a yes") func webhooksAreSigned() async throws {
        let seen = NIOLockedValueBox<[WebhookReceiver.Request]>([])
        let receiver = try WebhookReceiver { request in
            seen.withLockedValue { $0.append(request) }
            return .status(204)
        }
        defer { receiver.stop() }
        #expect(try await self.answer(from: receiver.url) == .yes)
        let request = try #require(seen.withLockedValue { $0.first })
        #expect(request.path == "/hook")
        #expect(request.headers["content-type"] == "application/cloudevents+json")
        #expect(request.headers["webhook-id"] == "3:1:4:0")
        let seconds = try #require(request.headers["webhook-timestamp"].flatMap { Int64($0) })
        let signature = try #require(WebhookSignature(secrets: [Self.secret]))
        #expect(
            signature.isValid(
                try #require(request.headers["webhook-signature"]), id: "3:1:4:0", seconds: seconds, request.body,
                now: SystemClock.now()))
        #expect(request.body == WebhookBody.json(self.event(), unit: UnitID(3)))
    }

    @Test("other statuses are a no with the pause that the receiver asks for, and 410 ends the consumer")
    func statuses() async throws {
        for status in [400, 404, 429, 500, 503] {
            let receiver = try WebhookReceiver { _ in .status(status, headers: ["Retry-After": "7"]) }
            defer { receiver.stop() }
            #expect(
                try await self.answer(from: receiver.url)
                    == .no(reason: "status \(status)", retryAfterMilliseconds: 7_000))
        }
        let gone = try WebhookReceiver { _ in .status(410) }
        defer { gone.stop() }
        let answer = try await self.answer(from: gone.url)
        #expect({ if case .gone = answer { true } else { false } }())
    }

    @Test("a redirect is a no, and nobody goes where it points") func redirectsAreNotFollowed() async throws {
        let asked = NIOLockedValueBox(0)
        let inner = try WebhookReceiver { _ in
            asked.withLockedValue { $0 += 1 }
            return .status(200)
        }
        defer { inner.stop() }
        let receiver = try WebhookReceiver { [url = inner.url] _ in .status(301, headers: ["Location": url]) }
        defer { receiver.stop() }
        #expect(try await self.answer(from: receiver.url) == .no(reason: "status 301"))
        #expect(asked.withLockedValue { $0 } == 0)
    }

    @Test("a private address is not connected to, by its number or by a name, unless a setting allows it")
    func privateAddressesAreRefused() async throws {
        let asked = NIOLockedValueBox(0)
        let receiver = try WebhookReceiver { _ in
            asked.withLockedValue { $0 += 1 }
            return .status(200)
        }
        defer { receiver.stop() }
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let answer = try await self.answer(from: "http://\(host):\(receiver.port)/", mayBePrivate: false)
            #expect(self.isNo(answer, "private"), "\(host): \(answer)")
        }
        #expect(asked.withLockedValue { $0 } == 0)
        #expect(try await self.answer(from: receiver.url) == .yes)
    }

    @Test("an answer of 10 MB is cut off, and is a no") func longAnswersAreCutOff() async throws {
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n".utf8)
        let receiver = try WebhookReceiver { _ in .raw(head + [UInt8](repeating: 97, count: 10_000_000)) }
        defer { receiver.stop() }
        #expect(self.isNo(try await self.answer(from: receiver.url), "longer than 65536 bytes"))
    }

    @Test("a receiver that answers too late, never, or closes the connection gives a no in time")
    func slowReceivers() async throws {
        let silent = try WebhookReceiver { _ in .silence }
        defer { silent.stop() }
        let answer = try await self.answer(from: silent.url, timeoutMilliseconds: 300)
        #expect(self.isNo(answer, "imeout"), "\(answer)")
        let closing = try WebhookReceiver { _ in .close }
        defer { closing.stop() }
        #expect(self.isNo(try await self.answer(from: closing.url), "the receiver"))
        #expect(self.isNo(try await self.answer(from: "http://127.0.0.1:1/"), "the receiver"))
    }

    @Test("what is shown of a failure does not name the address, which may have a secret in it")
    func reasonsHideTheAddress() async throws {
        let answer = try await self.answer(from: "http://127.0.0.1:1/hooks/secret-part")
        guard case .no(let reason, _) = answer else { throw CancellationError() }
        #expect(!reason.contains("secret-part"))
        #expect(reason.contains("the receiver"))
    }
}
