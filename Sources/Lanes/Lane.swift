import DaemonSupport
package import Edge
package import Logging
import NIOConcurrencyHelpers
package import Sockets
package import Threads
package import TrancheCore

/// One thread that serves a crowd: it reads the requests that come most often, in their plain form, and writes their
/// answers, without the HTTP stack. A ``LaneDesk`` knows these requests.
///
/// Each turn reads all ready connections, hands their requests in together, and writes the answers that have come
/// meanwhile. A connection stays in the lane while it sends only plain requests. The first request of another form goes
/// to the ordinary HTTP stack, with the connection and all later requests on it. That stack also serves the plain
/// requests.
package final class Lane: @unchecked Sendable {  // The thread has all but `isToStop`, which has a lock.
    package let owner = ThreadOwner("a lane")
    /// How long a stopping lane waits for slow readers, in microseconds.
    static let stopMicroseconds: Int64 = 1_200_000
    static let sweepMicroseconds: Int64 = 500_000
    /// Pause after a connection could not be accepted, for example with too many open files.
    static let acceptPauseMicroseconds: Int64 = 250_000
    /// Connections that one turn accepts.
    static let acceptsPerTurn = 64
    static let listenerToken = UInt64.max - 1
    private static let turnMicroseconds: Int64 = 250_000

    package let number: Int
    let listener: Int32
    let desk: any LaneDesk
    let register: ConnectionRegister
    let handover: Handover
    let isProxy: @Sendable (ClientAddress) -> Bool
    let logger: Logger
    let poller: Poller
    private let isToStop = NIOLockedValueBox(false)
    var connections: [LaneConnection] = []
    var free: [Int] = []
    /// The answer that is written next: a desk fills it, and then calls ``writeAnswer(to:)``.
    package var answer = AnswerBytes()
    /// Connections that may go on with the bytes that they have sent before.
    var resumed: [Int] = []
    /// Connections that have used up their requests of this turn.
    var postponed: [Int] = []
    private(set) var turn: UInt64 = 0
    var isListening = false
    var listenAgainAt: Int64 = 0
    var complainAgainAt: Int64 = 0
    private var stopAt = Int64.max
    var isStopping = false
    var now: Int64 = 0
    /// The moment of the present turn, by the clock that never steps.
    package var moment: Instant { Instant(microseconds: self.now) }
    private var nextSweep: Int64 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    /// - Parameters:
    ///   - number: The lane's number in its tickets, from 1.
    ///   - listener: Shared by all lanes, and closed by the caller.
    ///   - isProxy: Whether a peer must send a ``ProxyHeader`` first.
    ///   - poller: Also wakes the lane when another thread has posted something to its desk.
    package init(
        number: Int, listener: Int32, register: ConnectionRegister, handover: Handover, poller: Poller,
        desk: any LaneDesk, isProxy: @escaping @Sendable (ClientAddress) -> Bool = { _ in false }, logger: Logger
    ) {
        self.number = number
        self.listener = listener
        self.register = register
        self.handover = handover
        self.logger = logger
        self.poller = poller
        self.desk = desk
        self.isProxy = isProxy
    }

    deinit { self.buffer.deallocate() }

    /// The lane takes no new connections and requests, and ends when every accepted request is answered.
    package func stop() {
        self.isToStop.withLockedValue { $0 = true }
        self.poller.wake()
    }

    package func run() {
        self.owner.check()
        self.readClock()
        self.listen()
        while !(self.isStopping && self.connections.allSatisfy { !$0.isOpen }) {
            self.turn += 1
            (self.resumed, self.postponed) = (self.postponed, [])
            self.poller.wait(microseconds: self.resumed.isEmpty ? Self.turnMicroseconds : 0) { ready in
                if ready.token == Self.listenerToken { return self.accept() }
                let slot = Int(ready.token)
                if ready.isWritable { self.flush(slot) }
                if ready.isReadable || ready.isClosed { self.read(slot) }
            }
            self.readClock()
            self.handInQuestions()
            self.desk.deliverPosted(in: self)
            if !self.isStopping, self.isToStop.withLockedValue({ $0 }) { self.beginStop() }
            self.handInQuestions()
            self.sweep()
            if self.isStopping, self.now > self.stopAt { self.closeAll { _ in true } }
            if !self.isListening, !self.isStopping, self.now >= self.listenAgainAt { self.listen() }
        }
    }

    /// Hands in every question of this turn, and goes on with requests that were sent behind answered ones.
    private func handInQuestions() {
        while self.desk.hasQuestions || !self.resumed.isEmpty {
            if self.desk.hasQuestions { self.desk.handIn(of: self) }
            let resumed = self.resumed
            self.resumed.removeAll(keepingCapacity: true)
            for slot in resumed { self.resume(slot) }
        }
    }

    private func readClock() { self.now = SystemClock.monotonic().microseconds }

    private func sweep() {
        guard self.now >= self.nextSweep else { return }
        self.nextSweep = self.now + Self.sweepMicroseconds
        self.closeOverdue()
    }

    func beginStop() {
        self.isStopping = true
        self.pauseListening()
        self.stopAt = self.now + Self.stopMicroseconds
        self.closeAll { !$0.isBusy }
    }
}
