import DaemonSupport
import Foundation
import RedisClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

@Suite("Settings of consumers", .serialized) struct ConsumerConfigurationTests {
    private static let secret = "whsec_" + Data(repeating: 3, count: 32).base64EncodedString()

    private func consumers(_ text: String, secret: String = Self.secret) async throws -> [ConsumerConfiguration] {
        setenv("TRANCHE_OUTBOX_SHOP_SECRET", secret, 1)
        let path = try TemporaryFolder.make() + "/unit.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try ConsumerConfiguration.all(try await DaemonConfiguration(path: path))
    }

    private func webhooks(_ one: ConsumerConfiguration) -> WebhookSettings? {
        if case .webhooks(let webhooks) = one.receiver { webhooks } else { nil }
    }

    @Test("without settings there is no consumer, and a consumer has the specification's pauses")
    func defaults() async throws {
        #expect(try await self.consumers("unit:\n  id: 1\n").isEmpty)
        let one = try #require(
            try await self.consumers("outbox:\n  consumers: \"shop\"\n  shop:\n    url: \"https://a.example\"\n").first)
        #expect(one.name == "shop")
        #expect(self.webhooks(one)?.mayBePrivate == false)
        #expect(!one.beginsNow)
        #expect(one.timeoutMilliseconds == 15_000)
        #expect(one.settings == RelaySettings())
    }

    @Test("all settings are read") func settings() async throws {
        let one = try #require(
            try await self.consumers(
                """
                outbox:
                  consumers: "shop"
                  shop:
                    url: "http://a.example"
                    events: "paid,lost"
                    from: now
                    concurrency: 3
                    rate: 200
                    queue: 99
                    timeout: 250
                    pauses: "10,20"
                    private: true
                """
            ).first)
        #expect(self.webhooks(one)?.mayBePrivate == true)
        #expect(one.beginsNow)
        #expect(one.timeoutMilliseconds == 250)
        #expect(one.settings.kinds == [.paid, .lost])
        #expect((one.settings.concurrency, one.settings.perSecond, one.settings.queueLimit) == (3, 200, 99))
        #expect(one.settings.pauses.milliseconds == [10, 20])
    }

    @Test("a stream in a Redis is a receiver, too, and needs a password only if that Redis asks for one")
    func streams() async throws {
        let one = try #require(
            try await self.consumers(
                """
                outbox:
                  consumers: "shop"
                  shop:
                    redis: "127.0.0.1:7000"
                    stream: "orders"
                    length: 5000
                    user: "unit"
                """
            ).first)
        guard case .stream(let stream) = one.receiver else { throw CancellationError() }
        #expect(stream.address.description == "127.0.0.1:7000")
        #expect((stream.key, stream.length) == ("orders", 5_000))
        #expect(stream.login == .init(user: "unit", password: Self.secret))
        let text = "outbox:\n  consumers: \"shop\"\n  shop:\n    redis: \"/r.sock\"\n"
        let plain = try #require(try await self.consumers(text, secret: "").first)
        guard case .stream(let socket) = plain.receiver else { throw CancellationError() }
        #expect((socket.key, socket.length) == ("tranche", 1_000_000))
        #expect(socket.login == nil)
        let error = await #expect(throws: StartError.self) {
            try await self.consumers(text + "    user: \"unit\"\n", secret: "")
        }
        #expect(error?.description.contains("TRANCHE_OUTBOX_SHOP_SECRET is missing") == true)
    }

    @Test("the password of a stream is read again for each connection") func streamPasswordIsReadAgain() async throws {
        let folder = try TemporaryFolder.make()
        let file = folder + "/TRANCHE_OUTBOX_QUEUE_SECRET"
        try Data("first, with a comma\n".utf8).write(to: URL(fileURLWithPath: file))
        let one = try #require(
            try await self.consumers(
                """
                secrets:
                  folder: "\(folder)"
                outbox:
                  consumers: "queue"
                  queue:
                    redis: "/r.sock"
                    user: "unit"
                """
            ).first)
        guard case .stream(let stream) = one.receiver else { throw CancellationError() }
        #expect(stream.login == .init(user: "unit", password: "first, with a comma"))
        try Data("second\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(stream.login == .init(user: "unit", password: "second"))
    }

    @Test(
        "a bad setting is named, with its limit",
        arguments: [
            ("Shop", "url: \"https://a\"", "\"Shop\" is not a name"),
            ("shop,shop", "url: \"https://a\"", "lists a name twice"),
            ("shop", "rate: 5", "outbox.shop.url is missing"),
            ("shop", "url: \"ftp://a\"", "must begin with https:// or http://"),
            ("shop", "url: \"https://a\"\n    events: \"payed\"", "\"payed\" is none of reserved, won, paid"),
            ("shop", "url: \"https://a\"\n    concurrency: 257", "number in 1...256"),
            ("shop", "url: \"https://a\"\n    queue: 70000", "number in 16...65536"),
            ("shop", "url: \"https://a\"\n    pauses: \"20,10\"", "none shorter than the one before"),
            ("shop", "url: \"https://a\"\n    from: today", "must be start or now"),
            ("shop", "url: \"https://a\"\n    redis: \"/r.sock\"", "a consumer has one receiver"),
            ("shop", "redis: \"r.sock\"", "must be an absolute path of a socket, or host:port"),
            ("shop", "redis: \"10.0.0.1:6379\"", "leaves this machine in the clear"),
            ("shop", "redis: \"/r.sock\"\n    length: 999", "number in 1000...100000000"),
        ])
    func badSettings(names: String, rest: String, reason: String) async throws {
        let text = "outbox:\n  consumers: \"\(names)\"\n  shop:\n    \(rest)\n"
        let error = await #expect(throws: StartError.self) { try await self.consumers(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test("a secret has no default, and no other form") func secrets() async throws {
        let text = "outbox:\n  consumers: \"shop\"\n  shop:\n    url: \"https://a\"\n"
        for secret in ["", String(repeating: "s", count: 40), "whsec_" + String(repeating: "!", count: 40)] {
            let error = await #expect(throws: StartError.self) { try await self.consumers(text, secret: secret) }
            #expect(error?.description.contains("TRANCHE_OUTBOX_SHOP_SECRET") == true)
            #expect(secret.isEmpty || error?.description.contains(secret) == false, "a secret is shown")
        }
    }
}
