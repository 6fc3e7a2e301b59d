import Foundation

/// A TCP connection that sends any bytes, and parses answers by itself: no library hides an error.
///
/// Nothing blocks: a waiting test leaves its thread to the other tests.
final class RawConnection {
    struct Answer: Equatable {
        let status: Int
        /// Names in lower case.
        let fields: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: self.body, as: UTF8.self) }
        /// Of a problem document.
        var code: String { self.text.firstMatch(of: /"code":"([a-z_]+)"/).map { String($0.output.1) } ?? "" }
        /// Whether the server announces that this is the last answer.
        var isLast: Bool { self.fields["connection"]?.lowercased() == "close" }
    }

    private let descriptor: Int32
    private var received: [UInt8] = []
    /// The other side has closed, or has reset the connection.
    private(set) var hasEnded = false

    /// - Parameter source: The address that the other side sees: all of 127.0.0.0/8 is this machine.
    init(_ port: Int, from source: String = "127.0.0.1") throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard self.descriptor >= 0 else { throw TestFailure("no socket: \(String(cString: strerror(errno)))") }
        // Bytes that are written one by one shall go one by one.
        var yes: Int32 = 1
        setsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        if source != "127.0.0.1" { try self.call("bind", source, port: 0, Glibc.bind) }
        try self.call("connect", "127.0.0.1", port: port, Glibc.connect)
    }

    deinit { close(self.descriptor) }

    private func call(
        _ name: String, _ host: String, port: Int, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let status = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw TestFailure("\(name) \(host):\(port): \(String(cString: strerror(errno)))") }
    }

    // MARK: bytes out

    /// Sends what the socket takes at once.
    ///
    /// - Returns: How many bytes; `nil` if the connection has ended.
    func push(_ bytes: ArraySlice<UInt8>) -> Int? {
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        let count = bytes.withUnsafeBytes { Glibc.send(self.descriptor, $0.baseAddress, $0.count, flags) }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// Sends everything, unless the other side ends the connection first.
    func send(_ text: String) async throws {
        var left = Array(text.utf8)[...]
        try await eventually("room for \(left.count) bytes") {
            while !left.isEmpty, let count = self.push(left) {
                left = left.dropFirst(count)
                if count > 0 { continue }
                self.pull()  // Or the other side might wait, too.
                return false
            }
            return true
        }
    }

    func finishSending() { shutdown(self.descriptor, Int32(SHUT_WR)) }

    // MARK: bytes in

    /// Whether anything can be read, an end included.
    var hasNews: Bool {
        self.pull()
        return self.hasEnded || !self.received.isEmpty
    }

    /// What has come and was not taken as an answer.
    var peek: String {
        self.pull()
        return String(decoding: self.received, as: UTF8.self)
    }

    private func pull() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while !self.hasEnded {
            let count = recv(self.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                self.received += buffer[..<count]
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                self.hasEnded = true
            } else {
                return
            }
        }
    }

    /// The next answer; `nil` if the connection ends before.
    ///
    /// - Parameter isHead: The answer to a HEAD request, which has no body even if its fields announce one.
    func answer(isHead: Bool = false, seconds: Int = 20) async throws -> Answer? {
        var whole: Answer?
        try await eventually("answer", seconds: seconds) {
            self.pull()
            guard let (answer, length) = try AnswerText.take(self.received, isHead: isHead) else {
                return self.hasEnded
            }
            self.received.removeFirst(length)
            whole = answer
            return true
        }
        return whole
    }

    /// Waits for the end of the connection; what else comes is returned, and should be nothing.
    func end(seconds: Int = 20) async throws -> String {
        try await eventually("end of the connection", seconds: seconds) {
            self.pull()
            return self.hasEnded
        }
        return String(decoding: self.received, as: UTF8.self)
    }
}

/// Answers as bytes (RFC 9112, section 6.3).
enum AnswerText {
    /// The answer at the front of `bytes` and its length; `nil` while it is not whole.
    static func take(_ bytes: [UInt8], isHead: Bool) throws -> (answer: RawConnection.Answer, length: Int)? {
        guard let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { return nil }
        let lines = String(decoding: bytes[..<(headEnd - 4)], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, let status = try /HTTP\/1\.1 (\d{3}) .*/.wholeMatch(in: first) else {
            throw TestFailure("this is no answer: \(lines.first ?? "")")
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = parts.count > 1 ? parts[1].drop { $0 == " " }.description : ""
        }
        var (body, end) = ([UInt8](), headEnd)
        if isHead {
        } else if fields["transfer-encoding"] == "chunked" {
            guard let chunks = Self.chunks(bytes[headEnd...]) else { return nil }
            (body, end) = chunks
        } else {
            guard let length = fields["content-length"].flatMap({ Int($0) }) else {
                throw TestFailure("an answer without a length: \(fields)")
            }
            guard bytes.count >= headEnd + length else { return nil }
            end = headEnd + length
            body = Array(bytes[headEnd..<end])
        }
        return (.init(status: Int(status.output.1)!, fields: fields, body: body), end)
    }

    private static func chunks(_ bytes: ArraySlice<UInt8>) -> (body: [UInt8], end: Int)? {
        var (rest, body) = (bytes, [UInt8]())
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16),
                rest.endIndex >= line.upperBound + size + 2
            else { return nil }
            body += rest[line.upperBound..<(line.upperBound + size)]
            rest = rest[(line.upperBound + size + 2)...]
            if size == 0 { return (body, rest.startIndex) }
        }
        return nil
    }
}
