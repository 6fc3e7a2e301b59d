/// The header with which a proxy says who the client is: the PROXY protocol, version 2 (haproxy,
/// doc/proxy-protocol.txt, section 2.2). It comes once, before the first byte of the client.
package struct ProxyHeader: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        /// The proxy speaks for itself (a health check), or knows no address: the connection's own one stands.
        case own
        case v4(UInt32)
        /// The first and the last 64 bits.
        case v6(UInt64, UInt64)
    }

    package enum Result: Hashable, Sendable {
        /// The bytes so far may begin a header.
        case incomplete
        /// No header, or one that breaks the protocol or a limit: the connection must be closed.
        case malformed
        case header(ProxyHeader)
    }

    package static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    /// The longest header, in bytes. The addresses need at most 232; the rest is for fields that are skipped.
    package static let byteLimit = 2_048
    private static let fixedBytes = 16

    package let source: Source
    /// Bytes of the whole header.
    package let length: Int

    package static func parse(_ bytes: UnsafeRawBufferPointer) -> Result {
        guard zip(bytes, self.signature).allSatisfy({ $0 == $1 }) else { return .malformed }
        guard bytes.count >= self.fixedBytes else { return .incomplete }
        let (version, command) = (bytes[12] >> 4, bytes[12] & 15)
        let (family, transport) = (bytes[13] >> 4, bytes[13] & 15)
        let length = self.fixedBytes + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard version == 2, command <= 1, family <= 3, transport <= 1, length <= self.byteLimit else {
            return .malformed
        }
        // A family without a transport, or the other way round, is not in the protocol.
        guard (family == 0) == (transport == 0) else { return .malformed }
        let addressBytes = [0, 12, 36, 216][Int(family)]
        guard command == 0 || length >= self.fixedBytes + addressBytes else { return .malformed }
        guard bytes.count >= length else { return .incomplete }
        guard command == 1 else { return .header(ProxyHeader(source: .own, length: length)) }
        let source: Source =
            switch family {
            case 1: .v4(self.number(bytes, 16))
            case 2: .v6(self.number(bytes, 16), self.number(bytes, 24))
            default: .own
            }
        return .header(ProxyHeader(source: source, length: length))
    }

    /// A big-endian number, whose bytes were counted.
    private static func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> Value {
        Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
