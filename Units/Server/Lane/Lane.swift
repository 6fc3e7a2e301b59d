import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import Sockets
import TrancheAPI
import TrancheCore

/// One thread that serves buyers: it takes buy requests and status questions ahead of the HTTP stack, bytes in, bytes out.
///
/// Each turn reads what has come on all connections, hands it in under one lock, and writes what has been decided
/// meanwhile. A connection stays in the lane while it sends nothing but these two requests in their plain form. The first
/// request of any other form goes, with all that follows on this connection, to the ordinary HTTP stack, which serves
/// them just as well.
final class Lane: AnswerSink, @unchecked Sendable {  // The thread has everything but the inbox, which has a lock.
    static let idleSeconds: Int64 = 60
    /// After this a lane that stops does not wait for slow readers any more, in microseconds.
    static let stopMicroseconds: Int64 = 3_000_000
    /// Pause after no connection could be accepted: too many open files, say.
    static let acceptPauseMicroseconds: Int64 = 250_000
    /// Connections that one turn accepts.
    static let acceptsPerTurn = 64
    private static let listenerToken = UInt64.max - 1
    private static let turnMicroseconds: Int64 = 250_000

    private struct Inbox {
        var answers: [(ticket: Ticket, answer: Answer)] = []
        var toAll: (answer: Answer, life: UInt64)?
        var isStopping = false
    }

    private let number: Int
    private let listener: Int32
    private let counter: Counter
    private let count: ConnectionCount
    private let handover: Handover
    private let logger: Logger
    private let poller: Poller
    private let inbox = NIOLockedValueBox(Inbox())
    private var connections: [LaneConnection] = []
    private var free: [Int] = []
    private var questions: [Intake.Question] = []
    private var answers = LaneAnswers()
    /// Connections that may go on with what they have sent before.
    private var resumed: [Int] = []
    private var isListening = false
    private var listenAgainAt: Int64 = 0
    private var complainAgainAt: Int64 = 0
    private var stopAt = Int64.max
    private var isStopping = false
    private var now: Int64 = 0
    private var nextSweep: Int64 = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    /// - Parameters:
    ///   - number: From 1: what the lane's tickets begin with.
    ///   - listener: Shared by all lanes, and closed by whoever opened it.
    init(
        number: Int, listener: Int32, counter: Counter, count: ConnectionCount, handover: Handover, logger: Logger
    ) throws(SocketError) {
        self.number = number
        self.listener = listener
        self.counter = counter
        self.count = count
        self.handover = handover
        self.logger = logger
        self.poller = try Poller()
    }

    deinit { self.buffer.deallocate() }

    // MARK: From other threads

    func post(_ answers: [(ticket: Ticket, answer: Answer)]) {
        let wasEmpty = self.inbox.withLockedValue { inbox in
            defer { inbox.answers += answers }
            return inbox.answers.isEmpty
        }
        if wasEmpty { self.poller.wake() }
    }

    func postToAll(_ answer: Answer, before life: UInt64) {
        self.inbox.withLockedValue { $0.toAll = (answer, life) }
        self.poller.wake()
    }

    /// No new connections, and no new requests: the lane ends when every accepted request is answered.
    func stop() {
        self.inbox.withLockedValue { $0.isStopping = true }
        self.poller.wake()
    }

    // MARK: The thread

    func run() {
        self.readClock()
        self.listen()
        while !(self.isStopping && self.connections.allSatisfy { $0.descriptor < 0 }) {
            self.poller.wait(microseconds: Self.turnMicroseconds) { self.handle($0) }
            self.readClock()
            self.settle()
            self.takeInbox()
            self.settle()
            self.sweep()
            if self.isStopping, self.now > self.stopAt { self.closeAll { _ in true } }
            if !self.isListening, !self.isStopping, self.now >= self.listenAgainAt, !self.count.isFull { self.listen() }
        }
    }

    /// Hands in what has been heard; answers may uncover requests that were sent behind them.
    private func settle() {
        while !self.questions.isEmpty || !self.resumed.isEmpty {
            if !self.questions.isEmpty { self.ask() }
            let resumed = self.resumed
            self.resumed.removeAll(keepingCapacity: true)
            for place in resumed { self.resume(place) }
        }
    }

    private func readClock() { self.now = SystemClock.monotonic().microseconds }

    private func handle(_ readiness: Poller.Readiness) {
        guard readiness.token != Self.listenerToken else { return self.accept() }
        let place = Int(readiness.token)
        if readiness.isWritable { self.flush(place) }
        if readiness.isReadable || readiness.isClosed { self.read(place) }
    }

    private func listen() {
        self.isListening =
            (try? self.poller.add(self.listener, token: Self.listenerToken, [.read, .exclusive])) != nil
    }

    private func pauseListening() {
        guard self.isListening else { return }
        self.poller.remove(self.listener)
        self.isListening = false
    }

    private func accept() {
        for _ in 0..<Self.acceptsPerTurn {
            guard self.count.enter() else { return self.pauseListening() }
            do {
                guard let descriptor = try Socket.accept(self.listener) else { return self.count.leave() }
                try self.add(descriptor)
            } catch {
                if self.now >= self.complainAgainAt {
                    self.complainAgainAt = self.now + 1_000_000
                    self.logger.warning("no connection accepted: \(error)")
                }
                self.count.leave()
                self.listenAgainAt = self.now + Self.acceptPauseMicroseconds
                return self.pauseListening()
            }
        }
    }

    private func add(_ descriptor: Int32) throws(SocketError) {
        if self.free.isEmpty {
            self.free.append(self.connections.count)
            self.connections.append(LaneConnection())
        }
        let place = self.free.removeLast()
        do { try self.poller.add(descriptor, token: UInt64(place), .read) } catch {
            self.free.append(place)
            Socket.close(descriptor)
            throw error
        }
        let count = self.connections[place].count &+ 1
        self.connections[place] = LaneConnection()
        self.connections[place].descriptor = descriptor
        self.connections[place].count = count
        self.connections[place].lastMoved = self.now
    }

    private func close(_ place: Int) {
        Socket.close(self.connections[place].descriptor)
        self.release(place)
        self.count.leave()
    }

    /// Makes the place free; the descriptor is somebody else's from now on.
    private func release(_ place: Int) {
        let count = self.connections[place].count
        self.connections[place] = LaneConnection()
        self.connections[place].count = count
        self.free.append(place)
    }

    // MARK: Requests

    private func read(_ place: Int) {
        guard self.connections[place].descriptor >= 0 else { return }
        switch Socket.read(self.connections[place].descriptor, into: self.buffer) {
        case .wouldBlock: return
        case .closed: return self.inputClosed(place)
        case .bytes(let count):
            self.connections[place].lastMoved = self.now
            if self.connections[place].isLeaving { return }
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            if self.connections[place].pending.isEmpty {
                self.keep(place, bytes, from: self.serve(place, bytes))
            } else {
                self.connections[place].pending += bytes
                self.resume(place)
            }
        }
    }

    private func inputClosed(_ place: Int) {
        guard self.connections[place].isAsking || !self.connections[place].outgoing.isEmpty else {
            return self.close(place)
        }
        // The answer may still reach whoever has closed one direction only.
        if self.connections[place].inputIsClosed { return self.close(place) }  // Both directions.
        self.connections[place].inputIsClosed = true
        self.watch(place)
    }

    private func watch(_ place: Int) {
        let isDeaf = self.connections[place].inputIsClosed || self.connections[place].isDeaf
        var interest: Poller.Interest = isDeaf ? [] : .read
        if !self.connections[place].outgoing.isEmpty { interest.insert(.write) }
        do {
            try self.poller.change(self.connections[place].descriptor, token: UInt64(place), interest)
        } catch { self.close(place) }
    }

    /// Goes on with what has been kept of the connection's bytes.
    private func resume(_ place: Int) {
        let bytes = self.connections[place].pending
        guard self.connections[place].descriptor >= 0, self.mayServe(place), !bytes.isEmpty else { return }
        self.connections[place].pending = []
        bytes.withUnsafeBytes { self.keep(place, $0, from: self.serve(place, $0)) }
        guard self.connections[place].descriptor >= 0, self.mayServe(place) else { return }
        // All that came before the other side stopped sending has been served, or is a part of a request.
        if self.connections[place].inputIsClosed { self.close(place) }
    }

    private func mayServe(_ place: Int) -> Bool {
        !self.connections[place].isAsking && !self.connections[place].isLeaving
            && self.connections[place].outgoing.isEmpty
    }

    /// Takes requests from the front of `bytes`, until one has to wait.
    ///
    /// - Returns: How many bytes were taken; `nil` if the connection has left the lane.
    private func serve(_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        var taken = 0
        while taken < bytes.count, self.mayServe(place) {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            switch ExpressParser.parse(rest) {
            case .incomplete: return taken
            case .other:
                self.handOver(place, rest)
                return nil
            case .request(let request):
                taken += request.length
                self.take(place, request, rest)
                if self.connections[place].descriptor < 0 { return nil }
            }
        }
        return taken
    }

    /// Keeps what was not taken; whoever sends on and on is not read from until that has been served.
    private func keep(_ place: Int, _ bytes: UnsafeRawBufferPointer, from taken: Int?) {
        guard let taken, !self.connections[place].isLeaving else { return }
        if taken < bytes.count { self.connections[place].pending = Array(bytes[taken...]) }
        let isDeaf = self.connections[place].pending.count > LaneConnection.pendingBytesLimit
        guard isDeaf != self.connections[place].isDeaf else { return }
        self.connections[place].isDeaf = isDeaf
        self.watch(place)
    }

    private func take(_ place: Int, _ request: ExpressParser.Request, _ bytes: UnsafeRawBufferPointer) {
        self.connections[place].isAsking = true
        self.connections[place].life = .max  // Not handed in yet.
        self.connections[place].keepsAlive = request.keepsAlive
        self.connections[place].count &+= 1
        let ticket = Ticket(lane: self.number, place: place, count: self.connections[place].count).rawValue
        switch request.kind {
        case .status(let id): self.questions.append(.init(kind: .status(id), ticket: ticket))
        case .buy(let lot, let token, let quantity):
            do throws(TokenError) {
                let purchase = try self.counter.purchase(
                    lot: lot, token: UnsafeRawBufferPointer(rebasing: bytes[token]), quantity: quantity,
                    now: SystemClock.now())
                self.questions.append(.init(kind: .buy(purchase), ticket: ticket))
            } catch {
                self.answers.write(self.counter.problem(error))
                self.send(place)
            }
        }
    }

    private func ask() {
        var questions = self.questions
        self.questions.removeAll(keepingCapacity: true)
        self.counter.intake.submit(&questions, now: SystemClock.now())
        for question in questions {
            let ticket = Ticket(rawValue: question.ticket)
            switch question.result {
            case .success(nil):
                if self.isWaiting(ticket) { self.connections[ticket.place].life = question.life }
            case .success(let answer?):
                if case .status = question.kind {
                    self.deliver(answer, ticket, isStatus: true)
                } else {
                    self.deliver(answer, ticket)
                }
            case .failure(let error):
                guard self.isWaiting(ticket) else { continue }
                self.answers.write(self.counter.problem(error))
                self.send(ticket.place)
            }
        }
    }

    private func handOver(_ place: Int, _ bytes: UnsafeRawBufferPointer) {
        let descriptor = self.connections[place].descriptor
        self.poller.remove(descriptor)
        let first = Array(bytes)
        self.release(place)
        self.handover.take(descriptor, first, self.count)
    }

    // MARK: Answers

    private func takeInbox() {
        let taken = self.inbox.withLockedValue { inbox in
            defer { (inbox.answers, inbox.toAll) = ([], nil) }
            return inbox
        }
        for (ticket, answer) in taken.answers { self.deliver(answer, ticket) }
        if let (answer, life) = taken.toAll {
            for (place, connection) in self.connections.enumerated() where connection.isAsking && connection.life < life
            {
                self.deliver(answer, Ticket(lane: self.number, place: place, count: connection.count))
            }
        }
        if taken.isStopping, !self.isStopping { self.beginStop() }
    }

    private func deliver(_ answer: Answer, _ ticket: Ticket, isStatus: Bool = false) {
        guard self.isWaiting(ticket) else { return }
        var standing: WaitlistStanding?
        if case .order(let order) = answer, order.state == .contested {
            standing = self.counter.intake.standing(order.id)
        }
        self.answers.write(answer, isStatus: isStatus, standing: standing)
        self.send(ticket.place)
    }

    /// Whether whoever asked under this ticket is still there.
    private func isWaiting(_ ticket: Ticket) -> Bool {
        let place = ticket.place
        return place < self.connections.count && self.connections[place].isAsking
            && self.connections[place].count == ticket.count
    }

    /// Sends the answer that has just been put together, and goes on with what came behind the request.
    private func send(_ place: Int) {
        self.connections[place].isAsking = false
        self.connections[place].lastMoved = self.now
        let sent = self.answers.bytes.withUnsafeBytes { bytes -> Int? in
            switch Socket.write(self.connections[place].descriptor, bytes) {
            case .bytes(let count): count
            case .wouldBlock: 0
            case .closed: nil
            }
        }
        guard let sent else { return self.close(place) }
        if sent < self.answers.bytes.count {
            self.connections[place].outgoing = Array(self.answers.bytes[sent...])
            return self.watch(place)
        }
        self.sent(place)
    }

    private func flush(_ place: Int) {
        guard self.connections[place].descriptor >= 0, !self.connections[place].outgoing.isEmpty else { return }
        switch self.connections[place].outgoing.withUnsafeBytes({
            Socket.write(self.connections[place].descriptor, $0)
        }) {
        case .wouldBlock: return
        case .closed: return self.close(place)
        case .bytes(let count):
            self.connections[place].lastMoved = self.now
            self.connections[place].outgoing.removeFirst(count)
            guard self.connections[place].outgoing.isEmpty else { return }
            self.watch(place)
            if self.connections[place].descriptor >= 0 { self.sent(place) }
        }
    }

    /// The whole answer is on its way.
    private func sent(_ place: Int) {
        if self.connections[place].inputIsClosed, self.connections[place].pending.isEmpty { return self.close(place) }
        if !self.connections[place].keepsAlive || self.isStopping {
            Socket.finishWriting(self.connections[place].descriptor)
            self.connections[place].isLeaving = true
            self.connections[place].pending = []
            if self.isStopping { self.close(place) }
            return
        }
        if !self.connections[place].pending.isEmpty { self.resumed.append(place) }
    }

    // MARK: Time and end

    /// Closes connections on which nothing has moved for a while.
    private func sweep() {
        guard self.now >= self.nextSweep else { return }
        self.nextSweep = self.now + 1_000_000
        let oldest = self.now - Self.idleSeconds * 1_000_000
        self.closeAll { !$0.isAsking && $0.lastMoved < oldest }
    }

    private func closeAll(_ isWanted: (LaneConnection) -> Bool) {
        for (place, connection) in self.connections.enumerated()
        where connection.descriptor >= 0 && isWanted(connection) { self.close(place) }
    }

    private func beginStop() {
        self.isStopping = true
        self.pauseListening()
        self.stopAt = self.now + Self.stopMicroseconds
        self.closeAll { !$0.isAsking && $0.outgoing.isEmpty }
    }
}
