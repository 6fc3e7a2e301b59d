/// A node of Redis, or a Sentinel: a host and a port.
package struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) { (self.host, self.port) = (host, port) }

    /// - Returns: `nil` unless `text` is `host:port`; a version 6 address may stand in brackets.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host.utf8.count <= Limits.hostBytes, !host.contains(where: \.isWhitespace) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    package var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    /// Whether what is sent there stays on this machine. A name other than `localhost` may be any machine's.
    package var isLoopback: Bool {
        let parts = self.host.split(separator: ".", omittingEmptySubsequences: false)
        let isIPv4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return self.host == "localhost" || self.host == "::1" || (isIPv4 && parts[0] == "127")
    }

    /// The node that has the keys, by an error like `MOVED 3999 10.0.0.2:6379`.
    ///
    /// - Parameter asked: The node that said so. A cluster that does not know its nodes' names leaves the host out:
    ///   then it is the host that was asked.
    /// - Returns: `nil` for any other text.
    package static func moved(_ text: String, by asked: RedisEndpoint) -> RedisEndpoint? {
        let words = text.split(separator: " ")
        guard words.count == 3, words[0] == "MOVED", let colon = words[2].lastIndex(of: ":") else { return nil }
        let host = words[2][..<colon]
        return RedisEndpoint((host.isEmpty || host == "?" ? asked.host : String(host)) + words[2][colon...])
    }
}
