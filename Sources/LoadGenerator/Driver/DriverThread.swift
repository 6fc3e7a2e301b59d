import Foundation
import Histogram
import Sockets

/// The only thread of a drive: it sends, reads and counts. It uses little CPU, because it may share processors with the
/// server.
final class DriverThread {
    struct Connection {
        /// A request that was sent: its place on the tape, and its number, which is another one after a renewal.
        struct Asked {
            let slot: Int
            let number: Int
            let dueAt: Int64
        }
        var descriptor: Int32
        /// Requests of the last piece, and how many of them have their answers. Answers come in the order of the requests.
        private var asked: [Asked] = []
        private var answered = 0
        var isOpen = true
        var isEstablished = false
        var left: [UInt8] = []

        init(descriptor: Int32) { self.descriptor = descriptor }

        var awaited: Int { self.asked.count - self.answered }
        mutating func note(_ asked: Asked) { self.asked.append(asked) }

        /// The request whose answer has come.
        mutating func takeAsked() -> Asked {
            defer {
                self.answered += 1
                if self.awaited == 0 { self.forgetAsked() }
            }
            return self.asked[self.answered]
        }
        mutating func forgetAsked() {
            self.asked.removeAll(keepingCapacity: true)
            self.answered = 0
        }
    }

    let drive: Drive
    private var tape: LiveTape
    let poller: Poller
    var connections: [Connection] = []
    var idle: [Int] = []
    var open = 0
    var underway = 0
    /// Requests that were sent.
    private var next = 0
    /// Requests of a storm that could not leave in time.
    private var missed = 0
    private(set) var start: Int64 = 0
    private(set) var end: Int64 = 0
    /// The end of the profile of arrivals; 0 with another pace.
    private var profileEnd: Int64 = 0
    private var tally = AnswerTally()
    private var created: [Int] = []
    /// The bytes of the piece that is being sent.
    private var piece: [UInt8] = []
    private var sentInTime = 0
    var broken = 0
    /// Requests of broken connections.
    var lost = 0
    var refused = 0
    var received = 0
    private var lastCreated: Int64?
    private var lastAnswer: Int64?
    private var times: [Drive.AnswerTime] = []
    private var histogram = Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    private var createdHistogram = Histogram<UInt64>(
        highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init(_ drive: Drive, _ tape: RequestTape) throws {
        self.drive = drive
        self.tape = LiveTape(tape, renewal: drive.renewal)
        self.poller = try Poller()
    }

    deinit {
        for connection in self.connections where connection.isOpen { Socket.close(connection.descriptor) }
        self.buffer.deallocate()
    }

    func run() throws -> Drive.Result {
        try self.connect()
        self.start = Self.now()
        self.end = self.start + Int64(self.drive.seconds * 1e9)
        let cpu = Self.threadNanoseconds()
        switch self.drive.pace {
        case .closed: for number in self.idle { self.ask(number, dueAt: Self.now()) }
        case .open, .storm: break
        case .arrivals(let profile): self.profileEnd = self.start + profile.length * 1_000
        }
        var last = self.start
        while let wait = self.untilNext() {
            self.poller.wait(microseconds: wait) { self.handle($0) }
            last = Self.now()
        }
        return self.result(
            nanoseconds: min(last, max(self.end, self.start + 1)) - self.start, cpu: Self.threadNanoseconds() - cpu)
    }

    /// Sends the requests that are due.
    ///
    /// - Returns: Microseconds until the next request is due; `nil` at the end of the run.
    private func untilNext() -> Int64? {
        let now = Self.now()
        guard now < self.end, self.open > 0 else { return nil }
        // At the end of the tape, the run still waits for open answers.
        if self.isOver, self.underway == 0 { return nil }
        guard self.drive.pace != .closed else { return min(100_000, max(1, (self.end - now) / 1_000)) }
        if case .storm(let rate) = self.drive.pace { self.giveUpLate(rate, now) }
        while let number = self.idle.last, !self.isOver {
            guard self.connections[number].isOpen else {
                self.idle.removeLast()
                continue
            }
            let dueAt = self.pieceDueAt
            if dueAt > now { return max(1, (dueAt - now) / 1_000) }
            self.idle.removeLast()
            self.ask(number, dueAt: dueAt)
        }
        return 1_000
    }

    /// Lets those requests of a storm be that should have left 5 ms ago.
    private func giveUpLate(_ rate: Double, _ now: Int64) {
        let due = Int(Double(now - self.start) / 1e9 * rate)
        let behind = due - self.next - self.missed
        // A whole piece waits for its last request.
        if behind > max(self.drive.batch, Int(rate * 0.005)) { self.missed += behind }
    }

    /// When the last request of the next piece is due.
    private var pieceDueAt: Int64 {
        let last = self.next + self.pieceCount - 1
        return switch self.drive.pace {
        case .closed: self.start
        case .open(let rate): self.start + Int64(Double(last) / rate * 1e9)
        case .arrivals(let profile): self.start + profile.due[last] * 1_000
        case .storm(let rate): self.start + Int64(Double(last + self.missed) / rate * 1e9)
        }
    }

    /// Requests of the next piece: fewer at the end of a tape or a profile.
    private var pieceCount: Int {
        var count = self.drive.batch
        if case .arrivals(let profile) = self.drive.pace { count = min(count, profile.due.count - self.next) }
        if !self.drive.repeats { count = min(count, self.tape.count - self.next) }
        return max(1, count)
    }

    private var isOver: Bool {
        if case .arrivals(let profile) = self.drive.pace, self.next >= profile.due.count { return true }
        return !self.drive.repeats && self.next >= self.tape.count
    }

    private func ask(_ number: Int, dueAt: Int64) {
        guard !self.isOver, dueAt < self.end else { return }
        let count = self.pieceCount
        self.piece.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            let (slot, request) = self.tape.next(into: &self.piece)
            self.connections[number].note(Connection.Asked(slot: slot, number: request, dueAt: dueAt))
        }
        self.next += count
        self.underway += count
        let sent = self.piece.withUnsafeBytes { Socket.write(self.connections[number].descriptor, $0) }
        // A piece is much smaller than the socket's buffer, which is empty here.
        guard sent == .bytes(self.piece.count) else { return self.close(number) }
        if self.profileEnd > 0, Self.now() <= self.profileEnd { self.sentInTime += count }
    }

    /// Counts an answer.
    func answered(_ number: Int, _ answer: HTTPAnswer, _ now: Int64) {
        let asked = self.connections[number].takeAsked()
        if now <= self.end {
            self.tally.count(answer)
            self.lastAnswer = now
            if answer.status == 201 { self.lastCreated = now }
            let microseconds = UInt64(max(0, now - asked.dueAt) / 1_000)
            _ = self.histogram.record(min(microseconds, 60_000_000))
            if answer.status == 201 { _ = self.createdHistogram.record(min(microseconds, 60_000_000)) }
            if self.drive.keepsTimes {
                self.times.append(
                    .init(
                        seconds: Double(now - self.start) / 1e9, latencyMilliseconds: Double(microseconds) / 1_000,
                        status: answer.status))
            }
        }
        if answer.status == 201, self.tape.noteCreated(asked.slot, asked.number) { self.created.append(asked.number) }
        self.underway -= 1
        guard self.connections[number].awaited == 0 else { return }
        if self.drive.pace == .closed { self.ask(number, dueAt: now) } else { self.idle.append(number) }
    }

    private func result(nanoseconds: Int64, cpu: Int64) -> Drive.Result {
        func milliseconds(_ percentile: Double) -> Double {
            Double(self.histogram.valueAtPercentile(percentile)) / 1_000
        }
        return Drive.Result(
            seconds: Double(nanoseconds) / 1e9, statuses: self.tally.statuses, codes: self.tally.codes,
            created: self.created, unanswered: self.underway + self.lost,
            sent: self.next, sentInTime: self.sentInTime, broken: self.broken, refused: self.refused,
            received: self.received,
            lastCreatedSeconds: self.lastCreated.map { Double($0 - self.start) / 1e9 },
            lastAnswerSeconds: self.lastAnswer.map { Double($0 - self.start) / 1e9 },
            p50Milliseconds: milliseconds(50), p99Milliseconds: milliseconds(99), p999Milliseconds: milliseconds(99.9),
            createdP50Milliseconds: Double(self.createdHistogram.valueAtPercentile(50)) / 1_000,
            createdP99Milliseconds: Double(self.createdHistogram.valueAtPercentile(99)) / 1_000, times: self.times,
            generatorSeconds: Double(cpu) / 1e9)
    }

    static func now() -> Int64 { self.nanoseconds(CLOCK_MONOTONIC) }

    private static func threadNanoseconds() -> Int64 { self.nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
