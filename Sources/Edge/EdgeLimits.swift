/// What a listener bears of strangers. Durations are in microseconds.
package struct EdgeLimits: Sendable {
    /// From the first byte of a request to the end of its head.
    package static let headMicroseconds: Int64 = 5_000_000
    /// From the first byte of a request to the end of its body.
    package static let bodyMicroseconds: Int64 = 10_000_000
    /// Without any request.
    package static let idleMicroseconds: Int64 = 60_000_000
    /// The same while most of the connections are used.
    package static let crowdedIdleMicroseconds: Int64 = 10_000_000
    /// Until an answer has been taken by the client.
    package static let unsentMicroseconds: Int64 = 10_000_000
    /// From the last answer until the other side has closed.
    package static let leavingMicroseconds: Int64 = 2_000_000
    /// Bytes of one field, or of the first line, at most.
    package static let fieldBytes = 8 << 10
    /// Bytes of all fields of a request at most.
    package static let fieldsBytes = 16 << 10
    package static let fieldCount = 64
    /// Bytes of a request's first line and fields, with room for what a decoder keeps.
    package static let headBytes = 32 << 10

    /// Open connections at most.
    package var connections: Int
    /// Open connections of one IPv4 address, or one /64 of IPv6, at most.
    package var connectionsPerAddress: Int
    /// The longest body that any address of this listener takes.
    package var bodyBytes: Int

    package init(connections: Int, connectionsPerAddress: Int, bodyBytes: Int) {
        self.connections = connections
        self.connectionsPerAddress = connectionsPerAddress
        self.bodyBytes = bodyBytes
    }

    /// Bytes that may come without a request becoming whole.
    package var requestBytes: Int { self.bodyBytes + Self.headBytes }
}
