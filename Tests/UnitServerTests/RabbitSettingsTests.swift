import DaemonSupport
import Foundation
import RabbitClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// In the same suite as the other settings of consumers, because both set the environment.
extension ConsumerConfigurationTests {
    private static let secretName = "TRANCHE_OUTBOX_BROKER_SECRET"

    private func rabbit(_ lines: String, secret: String? = "a password") async throws -> RabbitSettings {
        if let secret { setenv(Self.secretName, secret, 1) } else { unsetenv(Self.secretName) }
        let path = try TemporaryFolder.make() + "/unit.yaml"
        let text = "outbox:\n  consumers: \"broker\"\n  broker:\n    " + lines
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let one = try #require(try ConsumerConfiguration.all(try await DaemonConfiguration(path: path)).first)
        guard case .rabbit(let rabbit) = one.receiver else { throw CancellationError() }
        return rabbit
    }

    @Test("a RabbitMQ is a receiver, too, with an exchange for each sale") func rabbitSettings() async throws {
        let one = try await self.rabbit("amqp: \"amqps://rabbit.example/shop\"\n    user: \"unit\"\n")
        #expect(one.address.description == "amqps://rabbit.example:5671/shop")
        #expect(one.authorities == "/etc/ssl/certs/ca-certificates.crt")
        #expect(one.login == .init(user: "unit", password: "a password"))
        #expect(one.exchange(ofSale: "spring") == "tranche.sale.spring")
        #expect(one.refunds == "tranche.refunds")
        let other = try await self.rabbit(
            "amqp: \"amqp://127.0.0.1:7000\"\n    user: \"unit\"\n    exchange: \"eu.tickets\"\n")
        #expect(other.exchange(ofSale: "spring") == "eu.tickets.sale.spring")
        #expect(other.refunds == "eu.tickets.refunds")
    }

    @Test("the password of a RabbitMQ's user is read again for each connection") func rabbitPasswords() async throws {
        let folder = try TemporaryFolder.make()
        let file = folder + "/" + Self.secretName
        try Data("first\n".utf8).write(to: URL(fileURLWithPath: file))
        let one = try await self.rabbit(
            "amqp: \"amqp://localhost\"\n    user: \"unit\"\nsecrets:\n  folder: \"\(folder)\"\n", secret: nil)
        #expect(one.login?.password == "first")
        try Data("second\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(one.login?.password == "second")
    }

    @Test(
        "a bad setting of a RabbitMQ is named, with its limit",
        arguments: [
            ("amqp: \"rabbit.example\"\n    user: \"unit\"", "outbox.broker.amqp is not an address"),
            ("amqp: \"amqps://unit:hush@rabbit.example\"\n    user: \"unit\"", "without a user"),
            ("amqp: \"amqp://rabbit.example\"\n    user: \"unit\"", "leaves this machine in the clear"),
            ("amqp: \"amqps://rabbit.example\"", "outbox.broker.user is missing"),
            ("amqp: \"amqps://a\"\n    user: \"unit\"\n    authorities: \"/no/file\"", "/no/file cannot be read"),
            ("amqp: \"amqps://a\"\n    user: \"unit\"\n    exchange: \"amq.x\"", "not begin with amq."),
            ("amqp: \"amqps://a\"\n    user: \"unit\"\n    exchange: \"a b\"", "1 to 64 letters"),
            ("amqp: \"amqps://a\"\n    redis: \"/r.sock\"", "outbox.broker.redis and outbox.broker.amqp are set"),
        ])
    func badRabbitSettings(lines: String, reason: String) async throws {
        let error = await #expect(throws: StartError.self) { _ = try await self.rabbit(lines + "\n") }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("hush") == false, "a password is shown")
    }

    @Test("a password of a RabbitMQ's user has no default") func rabbitPasswordIsRequired() async throws {
        let error = await #expect(throws: StartError.self) {
            _ = try await self.rabbit("amqp: \"amqps://a\"\n    user: \"unit\"\n", secret: nil)
        }
        #expect(error?.description.contains("TRANCHE_OUTBOX_BROKER_SECRET is missing") == true)
    }
}

@Suite("Address of a RabbitMQ") struct RabbitAddressTests {
    @Test(
        "an address has a host, and may have a port and a virtual host",
        arguments: [
            ("amqps://rabbit.example", "amqps://rabbit.example:5671/%2F"),
            ("amqp://10.0.0.1", "amqp://10.0.0.1:5672/%2F"),
            ("amqp://localhost:7000/", "amqp://localhost:7000/%2F"),
            ("amqps://a:1/shop", "amqps://a:1/shop"), ("amqps://a/%2Fshop", "amqps://a:5671/%2Fshop"),
            ("amqps://[::1]:7000/x", "amqps://[::1]:7000/x"), ("amqps://[fe80::1]", "amqps://[fe80::1]:5671/%2F"),
        ])
    func addresses(text: String, shown: String) throws {
        let address = try #require(RabbitAddress(text))
        #expect(address.description == shown)
        #expect(RabbitAddress(shown) == address)
    }

    @Test(
        "anything else is no address",
        arguments: [
            "", "amqps://", "amqps:///shop", "rabbit:5671", "http://a", "amqps://u:p@a", "amqps://a:0",
            "amqps://a:65536", "amqps://a:x", "amqps://a/b/c", "amqps://a?x=1", "amqps://a b", "amqps://[::1",
            "amqps://[x]", "amqps://a/%00",
        ])
    func noAddresses(text: String) { #expect(RabbitAddress(text) == nil) }
}
