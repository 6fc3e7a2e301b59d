/// Limits of a listener for unknown clients. Durations are in microseconds.
package struct EdgeLimits: Sendable {
    /// Time from the first byte of a request to the end of its head.
    package static let headMicroseconds: Int64 = 5_000_000
    /// Time from the first byte of a request to the end of its body.
    package static let bodyMicroseconds: Int64 = 10_000_000
    /// Time without any request.
    package static let idleMicroseconds: Int64 = 60_000_000
    /// Time without any request while most of the connections are used.
    package static let crowdedIdleMicroseconds: Int64 = 10_000_000
    /// Time until the client has received an answer.
    package static let unsentMicroseconds: Int64 = 10_000_000
    /// Time from the last answer until the other side has closed.
    package static let leavingMicroseconds: Int64 = 2_000_000
    /// Maximum bytes of one field, or of the first line.
    package static let fieldBytes = 8 << 10
    /// Maximum bytes of all fields of a request.
    package static let fieldsBytes = 16 << 10
    package static let fieldCount = 64
    /// Maximum bytes of a request's first line and fields, with room for the decoder's buffer.
    package static let headBytes = 32 << 10

    /// Maximum number of open connections.
    package var connections: Int
    /// Maximum number of open connections of one IPv4 address, or of one /64 of IPv6.
    package var connectionsPerAddress: Int
    /// Maximum bytes of a body, for the address of this listener that accepts the longest one.
    package var bodyBytes: Int

    package init(connections: Int, connectionsPerAddress: Int, bodyBytes: Int) {
        self.connections = connections
        self.connectionsPerAddress = connectionsPerAddress
        self.bodyBytes = bodyBytes
    }

    /// Maximum bytes that may arrive before a request is complete.
    package var requestBytes: Int { self.bodyBytes + Self.headBytes }
}
