import Foundation
import RedisClient
import Sockets
import TestSupport

/// A relay to a Redis: a test sees each command before Redis does.
///
/// A new connection leads to the process that has the socket at that moment, and stays with it.
final class RedisRelay: @unchecked Sendable {  // What changes is behind `lock`; the threads end with ``stop()``.
    let address: RedisConnection.Address
    private let listener: Int32
    private let socket: String
    private let lock = NSLock()
    private var watch: (word: String, act: () -> Void)?

    init(_ redis: PrivateRedis) throws {
        let port = try FreePorts.take()
        self.listener = try Socket.listen(host: "127.0.0.1", port: port, backlog: 16)
        self.address = RedisConnection.Address("127.0.0.1:\(port)")!
        self.socket = redis.socket
        Thread { [self] in self.accept() }.start()
    }

    func stop() { Socket.stopListening(self.listener) }

    /// Calls `act` once, on the relay's thread, when `word` has been sent and Redis has not seen it.
    func when(_ word: String, _ act: @escaping () -> Void) { self.lock.withLock { self.watch = (word, act) } }

    private func look(_ bytes: ArraySlice<UInt8>) {
        let act = self.lock.withLock { () -> (() -> Void)? in
            guard let watch, bytes.firstRange(of: Array(watch.word.utf8)) != nil else { return nil }
            self.watch = nil
            return watch.act
        }
        act?()
    }

    private func accept() {
        while self.waits(self.listener, POLLIN), let client = try? Socket.accept(self.listener) {
            guard let redis = self.connect() else {
                Socket.close(client.descriptor)
                continue
            }
            Thread { [self] in self.pass(client.descriptor, redis) }.start()
        }
        Socket.close(self.listener)
    }

    private func waits(_ descriptor: Int32, _ event: Int32) -> Bool {
        var one = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&one, 1, -1) == 1
    }

    private func connect() -> Int32? {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(self.socket.utf8) + [0]) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if status == 0 { return descriptor }
        Socket.close(descriptor)
        return nil
    }

    /// Passes bytes on in both directions until one side ends.
    private func pass(_ client: Int32, _ redis: Int32) {
        defer { for one in [client, redis] { Socket.close(one) } }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var both = [client, redis].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&both, 2, -1) > 0 else { return }
            for (from, to) in [(client, redis), (redis, client)] {
                let count = recv(from, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                if count == 0 || (count < 0 && errno != EAGAIN) { return }
                guard count > 0 else { continue }
                if from == client { self.look(buffer[..<count]) }
                guard self.send(buffer[..<count], to) else { return }
            }
        }
    }

    private func send(_ bytes: ArraySlice<UInt8>, _ descriptor: Int32) -> Bool {
        var left = bytes
        while !left.isEmpty {
            let count = left.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                left = left.dropFirst(count)
            } else if errno != EAGAIN || !self.waits(descriptor, POLLOUT) {
                return false
            }
        }
        return true
    }
}
