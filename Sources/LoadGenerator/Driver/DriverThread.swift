import Foundation
import Histogram
import Sockets

/// The only thread of a drive: it sends, reads and counts. It uses little CPU, because it shares the machine with the
/// server.
final class DriverThread {
    private struct Connection {
        var descriptor: Int32
        /// The number of the request on the tape that waits for its answer; -1 for none.
        var request = -1
        var dueAt: Int64 = 0
        var isOpen = true
        var left: [UInt8] = []
    }

    private let drive: Drive
    private let tape: RequestTape
    private let poller: Poller
    private var connections: [Connection] = []
    private var idle: [Int] = []
    private var open = 0
    private var underway = 0
    private var next = 0
    private var start: Int64 = 0
    private var end: Int64 = 0
    private var statuses = [Int](repeating: 0, count: 600)
    private var created: [Int] = []
    private var histogram = Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init(_ drive: Drive, _ tape: RequestTape) throws {
        (self.drive, self.tape) = (drive, tape)
        self.poller = try Poller()
    }

    deinit {
        for connection in self.connections where connection.isOpen { Socket.close(connection.descriptor) }
        self.buffer.deallocate()
    }

    func run() throws -> Drive.Result {
        for number in 0..<self.drive.connections {
            let descriptor = try Socket.connect(host: self.drive.host, port: self.drive.port)
            self.connections.append(Connection(descriptor: descriptor))
            self.open += 1
            try self.poller.add(descriptor, token: UInt64(number), .read)
        }
        // The server accepts all connections before the measurement starts.
        usleep(UInt32(min(200_000, 2_000 * self.drive.connections)))
        self.start = Self.now()
        self.end = self.start + Int64(self.drive.seconds * 1e9)
        let cpu = Self.threadNanoseconds()
        if self.drive.pace == .closed {
            for number in self.connections.indices { self.ask(number, dueAt: Self.now()) }
        } else {
            self.idle = Array(self.connections.indices.reversed())
        }
        var last = self.start
        while let wait = self.untilNext() {
            self.poller.wait(microseconds: wait) { readiness in self.read(Int(readiness.token)) }
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
        switch self.drive.pace {
        case .closed:
            // At the end of the tape, the run still waits for open answers.
            if self.isOver, self.underway == 0 { return nil }
            return min(100_000, max(1, (self.end - now) / 1_000))
        case .open(let rate):
            if self.isOver, self.underway == 0 { return nil }
            while let number = self.idle.last, !self.isOver {
                let dueAt = self.start + Int64(Double(self.next) / rate * 1e9)
                if dueAt > now { return max(1, (dueAt - now) / 1_000) }
                self.idle.removeLast()
                self.ask(number, dueAt: dueAt)
            }
            return 1_000
        }
    }

    private var isOver: Bool { !self.drive.repeats && self.next >= self.tape.count }

    private func ask(_ number: Int, dueAt: Int64) {
        guard !self.isOver, dueAt < self.end else { return }
        let slot = self.next % self.tape.count
        self.next += 1
        self.connections[number].request = slot
        self.underway += 1
        self.connections[number].dueAt = dueAt
        let range = self.tape.range(slot)
        let sent = self.tape.bytes.withUnsafeBytes {
            Socket.write(self.connections[number].descriptor, UnsafeRawBufferPointer(rebasing: $0[range]))
        }
        // A request is much smaller than the socket's buffer, which is empty here.
        if sent != .bytes(range.count) { self.close(number) }
    }

    private func close(_ number: Int) {
        guard self.connections[number].isOpen else { return }
        self.connections[number].isOpen = false
        self.open -= 1
        if self.connections[number].request >= 0 { self.underway -= 1 }
        Socket.close(self.connections[number].descriptor)
    }

    private func read(_ number: Int) {
        guard self.connections[number].isOpen else { return }
        switch Socket.read(self.connections[number].descriptor, into: self.buffer) {
        case .wouldBlock: return
        case .closed: return self.close(number)
        case .bytes(let count):
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            if self.connections[number].left.isEmpty, let status = HTTPAnswer.status(bytes) {
                return self.answered(number, status)
            }
            self.connections[number].left += bytes
            if let status = self.connections[number].left.withUnsafeBytes({ HTTPAnswer.status($0) }) {
                self.connections[number].left = []
                self.answered(number, status)
            }
        }
    }

    private func answered(_ number: Int, _ status: Int) {
        let now = Self.now()
        if now <= self.end {
            self.statuses[min(status, 599)] += 1
            if status == 201 { self.created.append(self.connections[number].request) }
            let microseconds = UInt64(max(0, now - self.connections[number].dueAt) / 1_000)
            _ = self.histogram.record(min(microseconds, 60_000_000))
        } else if status == 201 {
            self.created.append(self.connections[number].request)
        }
        self.connections[number].request = -1
        self.underway -= 1
        if self.drive.pace == .closed { self.ask(number, dueAt: now) } else { self.idle.append(number) }
    }

    private func result(nanoseconds: Int64, cpu: Int64) -> Drive.Result {
        Drive.Result(
            seconds: Double(nanoseconds) / 1e9,
            statuses: Dictionary(
                uniqueKeysWithValues: self.statuses.enumerated().filter { $0.element > 0 }.map {
                    ($0.offset, $0.element)
                }),
            created: self.created, unanswered: self.connections.count { $0.request >= 0 },
            p50Milliseconds: Double(self.histogram.valueAtPercentile(50)) / 1_000,
            p99Milliseconds: Double(self.histogram.valueAtPercentile(99)) / 1_000,
            p999Milliseconds: Double(self.histogram.valueAtPercentile(99.9)) / 1_000,
            generatorSeconds: Double(cpu) / 1e9)
    }

    private static func now() -> Int64 { self.nanoseconds(CLOCK_MONOTONIC) }

    private static func threadNanoseconds() -> Int64 { self.nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Reads the parts of an HTTP/1.1 answer (RFC 9112) that a generator needs: its status and its end.
enum HTTPAnswer {
    private static let lengthName = Array("content-length:".utf8)

    /// The status, if `bytes` are one complete answer with a Content-Length.
    static func status(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count > 16 else { return nil }
        var (line, length) = (0, 0)
        while let end = self.lineEnd(bytes, from: line) {
            if end == line {
                guard bytes.count >= end + 2 + length else { return nil }
                return Int(bytes[9] &- 48) * 100 + Int(bytes[10] &- 48) * 10 + Int(bytes[11] &- 48)
            }
            if end - line > self.lengthName.count, bytes[line] | 32 == 99, bytes[line + 8] | 32 == 108,
                bytes[line + 14] == 58
            {
                length = 0
                for byte in bytes[(line + 15)..<end] where byte != 32 { length = length * 10 + Int(byte &- 48) }
            }
            line = end + 2
        }
        return nil
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var slot = start
        while slot + 1 < bytes.count {
            if bytes[slot] == 13, bytes[slot + 1] == 10 { return slot }
            slot += 1
        }
        return nil
    }
}
