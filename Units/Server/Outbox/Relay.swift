import NIOConcurrencyHelpers
import Sockets
import Storage
import TrancheAPI
import TrancheCore

/// The relay of one consumer, as other threads see it: what waits for its thread.
final class Relay: Sendable {
    enum Command: Sendable {
        case act(ConsumerAct, @Sendable (Result<Void, Problem>) -> Void)
        case deadLetters(
            after: OutboxPlace?, limit: Int, @Sendable (Result<[RelayLetter], Problem>) -> Void)
    }
    struct Inbox: Sendable {
        /// The last position that is durable and vouched for; 0 before.
        var head: UInt64 = 0
        var answers: [(ticket: UInt64, answer: RelayMachine.Answer)] = []  // Bounded by the concurrency.
        var commands: [Command] = []
        var isStopping = false
        /// Whether the thread waits for the bell.
        var isAsleep = false
    }
    /// Commands that wait for a relay.
    static let commandsLimit = 64

    let name: String
    let poller: Poller
    private let inbox = NIOLockedValueBox(Inbox())
    private let shown = NIOLockedValueBox<ConsumerDocument?>(nil)

    init(_ name: String) throws(SocketError) {
        self.name = name
        self.poller = try Poller()
    }

    /// `nil` until the thread has begun.
    var document: ConsumerDocument? { self.shown.withLockedValue { $0 } }

    func show(_ document: ConsumerDocument) { self.shown.withLockedValue { $0 = document } }

    /// Called with each commit: it must cost the engine nothing.
    func advance(to head: UInt64) { self.change { $0.head = head } }

    func post(_ answer: RelayMachine.Answer, for ticket: UInt64) { self.change { $0.answers.append((ticket, answer)) } }

    func post(_ command: Command) throws(Problem) {
        let isTaken = self.change { inbox in
            guard !inbox.isStopping, inbox.commands.count < Self.commandsLimit else { return false }
            inbox.commands.append(command)
            return true
        }
        guard isTaken else {
            throw Problem(
                status: 503, code: "overloaded", detail: "the relay of \(self.name) takes no more commands now",
                retryAfter: 1)
        }
    }

    /// Ends the thread after it has written what it knows.
    func stop() { self.change { $0.isStopping = true } }

    private func change<Value>(_ body: (inout Inbox) -> Value) -> Value {
        let (value, rings) = self.inbox.withLockedValue { inbox in
            let value = body(&inbox)
            defer { inbox.isAsleep = false }
            return (value, inbox.isAsleep)
        }
        if rings { self.poller.wake() }
        return value
    }

    /// Everything that waits.
    func takeAll() -> Inbox {
        self.inbox.withLockedValue { inbox in
            let taken = inbox
            (inbox.answers, inbox.commands) = ([], [])
            return taken
        }
    }

    /// Whether nothing waits. If so, the next change rings the bell.
    ///
    /// - Parameter head: The position that the thread knows.
    func fallAsleep(knowing head: UInt64) -> Bool {
        self.inbox.withLockedValue { inbox in
            inbox.isAsleep =
                inbox.answers.isEmpty && inbox.commands.isEmpty && !inbox.isStopping && inbox.head <= head
            return inbox.isAsleep
        }
    }
}
