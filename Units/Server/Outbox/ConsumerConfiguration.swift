package import DaemonSupport
package import TrancheCore

/// The settings of one consumer of events, `NAME` in the keys below.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `outbox.consumers` | the names, with commas: `[a-z][a-z0-9]*`, 16 at most | none |
/// | `outbox.NAME.url`, `.redis` or `.amqp` | its receiver: ``WebhookSettings``, ``StreamSettings``, ``RabbitSettings`` | one is required |
/// | `outbox.NAME.events` | kinds of events, with commas | all but `lost` |
/// | `outbox.NAME.from` | where a new consumer begins: `start` or `now` | `start` |
/// | `outbox.NAME.concurrency` | deliveries at a time | 16 |
/// | `outbox.NAME.rate` | deliveries in any second; 0 for no limit | 0 |
/// | `outbox.NAME.queue` | events in memory | 16384 |
/// | `outbox.NAME.timeout` | milliseconds until an answer that has not come is a no | 15000 |
/// | `outbox.NAME.pauses` | milliseconds before each further try, with commas | Standard Webhooks: 5 s to 24 h |
package struct ConsumerConfiguration: Sendable {
    package enum Receiver: Sendable {
        case webhooks(WebhookSettings)
        case stream(StreamSettings)
        case rabbit(RabbitSettings)
    }
    package let name: String
    package let receiver: Receiver
    package let beginsNow: Bool
    package let timeoutMilliseconds: Int
    package let settings: RelaySettings

    package static func all(_ values: DaemonConfiguration) throws(StartError) -> [ConsumerConfiguration] {
        let names = values.string("outbox.consumers", default: "").split(separator: ",").map(String.init)
        guard names.count <= Limits.relays else {
            throw StartError("outbox.consumers lists \(names.count) consumers, at most \(Limits.relays)")
        }
        guard Set(names).count == names.count else { throw StartError("outbox.consumers lists a name twice") }
        var all: [ConsumerConfiguration] = []
        for name in names { all.append(try ConsumerConfiguration(name, values)) }
        return all
    }

    private init(_ name: String, _ values: DaemonConfiguration) throws(StartError) {
        let isName =
            (1...32).contains(name.utf8.count) && name.utf8.first.map { (97...122).contains($0) } == true
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
        guard isName else {
            throw StartError("outbox.consumers: \"\(name)\" is not a name: [a-z][a-z0-9]*, 32 characters at most")
        }
        let key = "outbox.\(name)"
        self.name = name
        self.receiver = try Self.receiver(name, values)
        switch values.string("\(key).from", default: "start") {
        case "start": self.beginsNow = false
        case "now": self.beginsNow = true
        case let text: throw StartError("\(key).from is \"\(text)\", but must be start or now")
        }
        self.timeoutMilliseconds = try values.number("\(key).timeout", in: 100...30_000, default: 15_000)
        var settings = RelaySettings()
        settings.concurrency = try values.number("\(key).concurrency", in: 1...Limits.relayConcurrency, default: 16)
        settings.queueLimit = try values.number("\(key).queue", in: 16...Limits.relayQueue, default: 16_384)
        let rate = try values.number("\(key).rate", in: 0...Limits.requestsPerWindow, default: 0)
        settings.perSecond = rate == 0 ? nil : rate
        settings.kinds = try Self.kinds(key, values)
        settings.pauses = try Self.pauses(key, values)
        self.settings = settings
    }

    private static func receiver(_ name: String, _ values: DaemonConfiguration) throws(StartError) -> Receiver {
        let key = "outbox.\(name)"
        let given = ["url", "redis", "amqp"].filter { !values.string("\(key).\($0)", default: "").isEmpty }
        guard given.count <= 1 else {
            let names = given.map { "\(key).\($0)" }.joined(separator: " and ")
            throw StartError("\(names) are set: a consumer has one receiver")
        }
        switch given.first {
        case "redis": return .stream(try StreamSettings(name, values))
        case "amqp": return .rabbit(try RabbitSettings(name, values))
        default: return .webhooks(try WebhookSettings(name, values))
        }
    }

    private static func kinds(_ key: String, _ values: DaemonConfiguration) throws(StartError) -> Set<OutboxEvent.Kind>
    {
        let text = values.string("\(key).events", default: "")
        if text.isEmpty { return RelaySettings.usualKinds }
        var kinds: Set<OutboxEvent.Kind> = []
        for name in text.split(separator: ",") {
            guard let kind = OutboxEvent.Kind(name: name) else {
                let known = OutboxEvent.Kind.allCases.map(\.name).joined(separator: ", ")
                throw StartError("\(key).events: \"\(name)\" is none of \(known)")
            }
            kinds.insert(kind)
        }
        return kinds
    }

    private static func pauses(_ key: String, _ values: DaemonConfiguration) throws(StartError) -> RelayPauses {
        let text = values.string("\(key).pauses", default: "")
        if text.isEmpty { return .standard }
        let numbers = text.split(separator: ",").map { Int64($0) }
        guard !numbers.contains(nil), let pauses = RelayPauses(numbers.compactMap { $0 }) else {
            throw StartError("\(key).pauses is \"\(text)\", but must be \(RelayPauses.rule)")
        }
        return pauses
    }
}
