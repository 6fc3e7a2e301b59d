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
    private static let listenerToken = UInt64.max - 1
    private static let turnMicroseconds: Int64 = 250_000

    package let number: Int
    private let listener: Int32
    let desk: any LaneDesk
    let register: ConnectionRegister
    let handover: Handover
    private let isProxy: @Sendable (ClientAddress) -> Bool
    private let logger: Logger
    let poller: Poller
    private let isToStop = NIOLockedValueBox(false)
    var connections: [LaneConnection] = []
    private var free: [Int] = []
    /// The answer that is written next: a desk fills it, and then calls ``send(to:)``.
    package var answer = AnswerBytes()
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
        self.readClock()
        self.listen()
        while !(self.isStopping && self.connections.allSatisfy { !$0.isOpen }) {
            self.turn += 1
            (self.resumed, self.postponed) = (self.postponed, [])
            self.poller.wait(microseconds: self.resumed.isEmpty ? Self.turnMicroseconds : 0) { self.handle($0) }
            self.readClock()
            self.handInQuestions()
            self.deliverPosted()
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

    private func deliverPosted() {
        self.owner.check()
        self.desk.deliverPosted(in: self)
        if !self.isStopping, self.isToStop.withLockedValue({ $0 }) { self.beginStop() }
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
        self.answer.encode(.tooManyConnections(limit: limit))
        self.answer.sayClose()
        _ = self.answer.bytes.withUnsafeBytes { Socket.write(descriptor, $0) }
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
        self.connections[slot].accept(descriptor, address, isProxy: self.isProxy(address), now: self.now)
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
