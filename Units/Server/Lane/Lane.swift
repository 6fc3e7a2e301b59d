import DaemonSupport
import Edge
import Foundation
import Logging
import NIOConcurrencyHelpers
import Sockets
import Threads
import TrancheAPI
import TrancheCore

/// One thread that serves buyers: it reads plain buy requests and status requests, and writes their answers, without
/// the HTTP stack.
///
/// Each turn reads all ready connections, hands their requests in under one lock, and writes the answers that have come
/// meanwhile. A connection stays in the lane while it sends only these two requests in their plain form. The first
/// request of another form goes to the ordinary HTTP stack, with the connection and all later requests on it. That
/// stack also serves these two requests.
final class Lane: AnswerSink, @unchecked Sendable {  // The thread has all but the inbox, which has a lock.
    let owner = ThreadOwner("a lane")
    /// How long a stopping lane waits for slow readers, in microseconds.
    static let stopMicroseconds: Int64 = 1_200_000
    static let sweepMicroseconds: Int64 = 500_000
    /// Pause after a connection could not be accepted, for example with too many open files.
    static let acceptPauseMicroseconds: Int64 = 250_000
    /// Connections that one turn accepts.
    static let acceptsPerTurn = 64
    private static let listenerToken = UInt64.max - 1
    private static let turnMicroseconds: Int64 = 250_000

    struct Inbox {
        var answers: [(ticket: Ticket, answer: Answer)] = []
        var toAll: (answer: Answer, recovery: UInt64)?
        var isStopping = false
    }

    let number: Int
    private let listener: Int32
    let gate: TokenGate
    let register: ConnectionRegister
    let handover: Handover
    private let logger: Logger
    let poller: Poller
    let inbox = NIOLockedValueBox(Inbox())
    var connections: [LaneConnection] = []
    private var free: [Int] = []
    var questions: [Intake.Question] = []
    var answers = LaneAnswers()
    /// Connections that may go on with the bytes that they have sent before.
    var resumed: [Int] = []
    /// Connections that have used up their requests of this turn.
    var postponed: [Int] = []
    private(set) var turn: UInt64 = 0
    private var isListening = false
    private var listenAgainAt: Int64 = 0
    private var complainAgainAt: Int64 = 0
    private var stopAt = Int64.max
    var isStopping = false
    var now: Int64 = 0
    private var nextSweep: Int64 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    /// - Parameters:
    ///   - number: The lane's number in its tickets, from 1.
    ///   - listener: Shared by all lanes, and closed by the caller.
    init(
        number: Int, listener: Int32, gate: TokenGate, register: ConnectionRegister, handover: Handover, logger: Logger
    ) throws(SocketError) {
        self.number = number
        self.listener = listener
        self.gate = gate
        self.register = register
        self.handover = handover
        self.logger = logger
        self.poller = try Poller()
    }

    deinit { self.buffer.deallocate() }

    func post(_ answers: [(ticket: Ticket, answer: Answer)]) {
        let wasEmpty = self.inbox.withLockedValue { inbox in
            defer { inbox.answers += answers }
            return inbox.answers.isEmpty
        }
        if wasEmpty { self.poller.wake() }
    }

    func postToAll(_ answer: Answer, before recovery: UInt64) {
        self.inbox.withLockedValue { $0.toAll = (answer, recovery) }
        self.poller.wake()
    }

    /// The lane takes no new connections and requests, and ends when every accepted request is answered.
    func stop() {
        self.inbox.withLockedValue { $0.isStopping = true }
        self.poller.wake()
    }

    func run() {
        self.readClock()
        self.listen()
        while !(self.isStopping && self.connections.allSatisfy { !$0.isOpen }) {
            self.turn += 1
            (self.resumed, self.postponed) = (self.postponed, [])
            self.poller.wait(microseconds: self.resumed.isEmpty ? Self.turnMicroseconds : 0) { self.handle($0) }
            self.readClock()
            self.handInQuestions()
            self.deliverInbox()
            self.handInQuestions()
            self.sweep()
            if self.isStopping, self.now > self.stopAt { self.closeAll { _ in true } }
            if !self.isListening, !self.isStopping, self.now >= self.listenAgainAt { self.listen() }
        }
    }

    /// Hands in every question of this turn, and goes on with requests that were sent behind answered ones.
    private func handInQuestions() {
        while !self.questions.isEmpty || !self.resumed.isEmpty {
            if !self.questions.isEmpty { self.handIn() }
            let resumed = self.resumed
            self.resumed.removeAll(keepingCapacity: true)
            for slot in resumed { self.resume(slot) }
        }
    }

    private func readClock() { self.now = SystemClock.monotonic().microseconds }

    private func handle(_ readiness: Poller.Readiness) {
        guard readiness.token != Self.listenerToken else { return self.accept() }
        let slot = Int(readiness.token)
        if readiness.isWritable { self.flush(slot) }
        if readiness.isReadable || readiness.isClosed { self.read(slot) }
    }

    private func listen() {
        self.isListening =
            (try? self.poller.add(self.listener, token: Self.listenerToken, [.read, .exclusive])) != nil
    }

    private func pauseListening(microseconds: Int64 = 0) {
        self.listenAgainAt = self.now + microseconds
        guard self.isListening else { return }
        self.poller.remove(self.listener)
        self.isListening = false
    }

    private func accept() {
        for _ in 0..<Self.acceptsPerTurn {
            do {
                guard let (descriptor, address) = try Socket.accept(self.listener) else { return }
                var admission = self.register.enter(address)
                // Idle connections are closed only when a new one needs the slot. A handed-over one leaves a moment
                // later.
                if admission == .full, self.closeOldestIdle() || self.register.closeOldestIdle() {
                    admission = self.register.enter(address, hasMadeRoom: true)
                }
                switch admission {
                case .admitted: try self.add(descriptor, address)
                case .addressFull: self.refuse(descriptor, limit: self.register.limitPerAddress)
                case .full:  // Further connections wait in the kernel until one ends.
                    self.refuse(descriptor, limit: self.register.limit)
                    return self.pauseListening(microseconds: Self.acceptPauseMicroseconds)
                }
            } catch {
                if self.now >= self.complainAgainAt {
                    self.complainAgainAt = self.now + 1_000_000
                    self.logger.warning("no connection accepted: \(error)")
                }
                return self.pauseListening(microseconds: Self.acceptPauseMicroseconds)
            }
        }
    }

    /// Writes one answer, if the socket takes it at once, and closes.
    private func refuse(_ descriptor: Int32, limit: Int) {
        self.answers.encode(.tooManyConnections(limit: limit))
        self.answers.sayClose()
        _ = self.answers.bytes.withUnsafeBytes { Socket.write(descriptor, $0) }
        Socket.close(descriptor)
    }

    private func add(_ descriptor: Int32, _ address: ClientAddress) throws(SocketError) {
        if self.free.isEmpty {
            self.free.append(self.connections.count)
            self.connections.append(LaneConnection())
        }
        let slot = self.free.removeLast()
        do { try self.poller.add(descriptor, token: UInt64(slot), .read) } catch {
            self.free.append(slot)
            Socket.close(descriptor)
            self.register.leave(address)
            throw error
        }
        self.connections[slot].accept(descriptor, address, now: self.now)
    }

    func close(_ slot: Int) {
        self.owner.check()
        Socket.close(self.connections[slot].descriptor)
        self.register.leave(self.connections[slot].address)
        self.release(slot)
    }

    /// Frees the slot. The descriptor is closed or handed over.
    func release(_ slot: Int) {
        self.connections[slot].free()
        self.free.append(slot)
    }

    private func sweep() {
        guard self.now >= self.nextSweep else { return }
        self.nextSweep = self.now + Self.sweepMicroseconds
        self.closeOverdue()
    }

    func closeAll(_ isWanted: (LaneConnection) -> Bool) {
        for slot in self.connections.indices
        where self.connections[slot].isOpen && isWanted(self.connections[slot]) { self.close(slot) }
    }

    func beginStop() {
        self.isStopping = true
        self.pauseListening()
        self.stopAt = self.now + Self.stopMicroseconds
        self.closeAll { !$0.isBusy }
    }
}
