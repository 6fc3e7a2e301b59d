import Foundation
import Sockets

// The connections of a drive: opening, reading, closing.

extension DriverThread {
    /// Connections that are being established at a time: fewer than a listener's queue holds.
    private static let connectsUnderway = 256
    /// How long all connections may take to be established, in nanoseconds.
    private static let connectNanoseconds: Int64 = 10_000_000_000

    /// Opens all connections. The server accepts them before the measurement starts.
    func connect() throws {
        let end = Self.now() + Self.connectNanoseconds
        while self.idle.count + self.refused < self.drive.connections, Self.now() < end {
            while self.connections.count < self.drive.connections,
                self.connections.count - self.idle.count - self.refused < Self.connectsUnderway
            {
                let number = self.connections.count
                self.connections.append(Connection(descriptor: -1))
                try self.connect(number)
            }
            self.poller.wait(microseconds: 10_000) { self.handle($0) }
        }
        usleep(UInt32(min(200_000, 2_000 * self.drive.connections)))
        self.poller.wait(microseconds: 0) { self.handle($0) }
        // The first connections are used first.
        self.idle.sort(by: >)
        if self.drive.pace == .closed { self.idle.reverse() }
    }

    private func connect(_ number: Int) throws(SocketError) {
        self.connections[number] = Connection(
            descriptor: try Socket.connect(host: self.drive.host, port: self.drive.port))
        self.open += 1
        try self.poller.add(self.connections[number].descriptor, token: UInt64(number), .write)
    }

    func handle(_ readiness: Poller.Readiness) {
        let number = Int(readiness.token)
        guard self.connections[number].isOpen else { return }
        if !self.connections[number].isEstablished {
            guard !readiness.isClosed,
                (try? self.poller.change(self.connections[number].descriptor, token: readiness.token, .read)) != nil
            else { return self.close(number) }
            self.connections[number].isEstablished = true
            self.idle.append(number)
        }
        if readiness.isReadable || readiness.isClosed { self.read(number) }
    }

    func close(_ number: Int) {
        guard self.connections[number].isOpen else { return }
        self.connections[number].isOpen = false
        self.open -= 1
        Socket.close(self.connections[number].descriptor)
        let lost = self.connections[number].awaited
        guard lost > 0 else {
            // The server refused the connection, or took no request on it for too long.
            self.refused += 1
            return
        }
        self.underway -= lost
        self.lost += lost
        self.broken += 1
        self.connections[number].forgetAsked()
        switch self.drive.pace {
        case .closed, .open: break
        case .arrivals, .storm: try? self.connect(number)
        }
    }

    private func read(_ number: Int) {
        switch Socket.read(self.connections[number].descriptor, into: self.buffer) {
        case .wouldBlock: return
        case .closed: return self.close(number)
        case .bytes(let count):
            self.received += count
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            guard self.connections[number].left.isEmpty else {
                let left = self.connections[number].left + bytes
                self.connections[number].left = []
                return left.withUnsafeBytes { self.take($0, from: number) }
            }
            self.take(bytes, from: number)
        }
    }

    /// Counts the answers at the front of `bytes`, and keeps the rest until more bytes come.
    private func take(_ bytes: UnsafeRawBufferPointer, from number: Int) {
        let now = Self.now()
        var rest = bytes
        while !rest.isEmpty {
            // An answer without a request refuses the connection.
            guard self.connections[number].awaited > 0 else { return self.close(number) }
            guard let answer = HTTPAnswer(rest) else { break }
            self.answered(number, answer, now)
            rest = UnsafeRawBufferPointer(rebasing: rest[answer.count...])
        }
        if self.connections[number].isOpen { self.connections[number].left = Array(rest) }
    }
}
