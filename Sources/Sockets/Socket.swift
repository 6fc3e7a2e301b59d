import CEpoll
import Glibc

/// A system call that failed.
package struct SocketError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let code: Int32
    package var description: String { "\(self.call): \(String(cString: strerror(self.code))) (errno: \(self.code))" }

    init(_ call: String, _ code: Int32 = errno) { (self.call, self.code) = (call, code) }
}

/// Stream sockets that never block, as plain descriptors. The owner of a descriptor closes it.
package enum Socket {
    /// The result of one attempt to read or write.
    package enum Transfer: Hashable, Sendable {
        case bytes(Int)
        /// Nothing can be transferred now; wait for the poller.
        case wouldBlock
        /// The other side has closed, or the connection broke.
        case closed
    }

    /// Listens on `host`, a name or an address.
    package static func listen(host: String, port: Int, backlog: Int32) throws(SocketError) -> Int32 {
        try self.open(host: host, port: port, flags: AI_PASSIVE) { descriptor, address, length in
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            guard bind(descriptor, address, length) == 0 else { return "bind to \(host):\(port)" }
            return Glibc.listen(descriptor, backlog) == 0 ? nil : "listen on \(host):\(port)"
        }
    }

    /// Starts a connection. The poller reports it as writable when it is established.
    package static func connect(host: String, port: Int) throws(SocketError) -> Int32 {
        let descriptor = try self.open(host: host, port: port, flags: 0) { descriptor, address, length in
            guard Glibc.connect(descriptor, address, length) != 0, errno != EINPROGRESS else { return nil }
            return "connect to \(host):\(port)"
        }
        self.sendAtOnce(descriptor)
        return descriptor
    }

    /// The next connection, or `nil` if none waits.
    ///
    /// - Throws: ``SocketError`` if a later attempt may succeed, for example after too many open files.
    package static func accept(
        _ listener: Int32
    ) throws(SocketError) -> (descriptor: Int32, address: ClientAddress)? {
        while true {
            var address = sockaddr_storage()
            let descriptor = cepoll_accept(listener, &address)
            if descriptor >= 0 {
                self.sendAtOnce(descriptor)
                self.giveUpOnTheSilent(descriptor)
                return (descriptor, ClientAddress(address))
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return nil
            default: throw SocketError("accept")
            }
        }
    }

    package static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        self.transfer { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    }

    package static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
        self.transfer { send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Ends sending; bytes that were written before are still delivered.
    package static func finishWriting(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Accepts no more connections, including those in the kernel's queue.
    package static func stopListening(_ listener: Int32) { _ = shutdown(listener, Int32(SHUT_RDWR)) }

    package static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    private static func transfer(_ call: () -> Int) -> Transfer {
        while true {
            let count = call()
            if count > 0 { return .bytes(count) }
            if count == 0 { return .closed }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .closed
            }
        }
    }

    /// Disables Nagle's algorithm: an answer is one small packet, and waiting for more would only delay it.
    private static func sendAtOnce(_ descriptor: Int32) {
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// How long the kernel sends to a client that acknowledges nothing, in milliseconds.
    package static let unacknowledgedMilliseconds: Int32 = 20_000

    /// Detects a client that has disappeared, because it acknowledges nothing (TCP_USER_TIMEOUT, RFC 5482).
    private static func giveUpOnTheSilent(_ descriptor: Int32) {
        var limit = Self.unacknowledgedMilliseconds
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &limit, socklen_t(MemoryLayout<Int32>.size))
    }

    /// A socket for the first address of `host` on which `use` succeeds; it names the call that failed, or `nil`.
    private static func open(
        host: String, port: Int, flags: Int32, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> String?
    ) throws(SocketError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0 else {
            throw SocketError("address of \(host)", EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        var failure = SocketError("address of \(host)", EADDRNOTAVAIL)
        var next = found
        while let info = next?.pointee {
            next = info.ai_next
            let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let descriptor = socket(info.ai_family, type, 0)
            guard descriptor >= 0, let address = info.ai_addr else { continue }
            guard let call = use(descriptor, address, info.ai_addrlen) else { return descriptor }
            failure = SocketError(call)
            self.close(descriptor)
        }
        throw failure
    }
}
