package import Glibc

/// A client's address, for limits per address: an IPv4 address, or the /64 network of an IPv6 address, because one
/// household or one rented server has a whole /64 (RFC 6177).
package struct ClientAddress: Hashable, Sendable {
    /// 4, 6, or 0 for a client without an address.
    package let family: UInt8
    /// An IPv4 address, or the first 64 bits of an IPv6 address.
    package let value: UInt64

    /// A client without an IP address, on a Unix socket.
    package static let local = ClientAddress(family: 0, value: 0)

    private init(family: UInt8, value: UInt64) { (self.family, self.value) = (family, value) }

    package init(v4 address: in_addr) { self.init(family: 4, value: UInt64(UInt32(bigEndian: address.s_addr))) }

    /// - Parameter v4: An IPv4 address, as a number.
    package init(v4 number: UInt32) { self.init(family: 4, value: UInt64(number)) }

    /// - Parameter words: The first and the last 64 bits of an IPv6 address.
    package init(v6 words: (UInt64, UInt64)) {
        // An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) counts as the IPv4 address.
        if words.0 == 0, words.1 >> 32 == 0xFFFF {
            self.init(family: 4, value: words.1 & 0xFFFF_FFFF)
        } else {
            self.init(family: 6, value: words.0)
        }
    }

    package init(v6 address: in6_addr) {
        let words = withUnsafeBytes(of: address) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        self.init(v6: words)
    }

    package init(_ storage: sockaddr_storage) {
        self = withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { ClientAddress($0) }
        }
    }

    /// - Parameter address: The start of an address of the length that its family needs.
    package init(_ address: UnsafePointer<sockaddr>) {
        let bytes = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET: self.init(v4: bytes.loadUnaligned(as: sockaddr_in.self).sin_addr)
        case AF_INET6: self.init(v6: bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr)
        default: self = .local
        }
    }
}
