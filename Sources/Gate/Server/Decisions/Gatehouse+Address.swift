import Sockets
import TrancheAPI
import TrancheCore

extension Gatehouse {
    var isDev: Bool { if case .dev = self.configuration.identity { true } else { false } }

    /// The address of the buyer: the peer's, or what a trusted proxy says about it.
    ///
    /// `X-Forwarded-For` grows to the right, and everything left of the last trusted proxy may be invented. So the
    /// rightmost address that is not a trusted proxy counts.
    func address(of peer: ClientAddress, forwardedFor field: UnsafeRawBufferPointer) -> NetworkAddress {
        var address = NetworkAddress(peer)
        guard !field.isEmpty, self.configuration.proxies.contains(address.limited) else { return address }
        var end = field.endIndex
        while end > field.startIndex {
            let comma = field[..<end].lastIndex(of: UInt8(ascii: ","))
            let start = comma.map { $0 + 1 } ?? field.startIndex
            guard let next = Self.address(field[start..<end]) else { return address }
            address = next
            guard self.configuration.proxies.contains(address.limited), let comma else { return address }
            end = comma
        }
        return address
    }

    /// The address between spaces.
    private static func address(_ bytes: Slice<UnsafeRawBufferPointer>) -> NetworkAddress? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }
        let trimmed = bytes.drop(while: isSpace)
        let last = trimmed.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? trimmed.startIndex
        return NetworkAddress(bytes: UnsafeRawBufferPointer(rebasing: trimmed[..<last]))
    }
}

extension NetworkAddress {
    /// Of an IPv6 client only the network is known (``ClientAddress``), which is what limits count.
    init(_ client: ClientAddress) {
        switch client.family {
        case 4: self.init(rawValue: 0xFFFF << 32 | UInt128(client.value))
        case 6: self.init(rawValue: UInt128(client.value) << 64)
        default: self.init(rawValue: 1)  // A Unix socket: the machine itself, ::1.
        }
    }
}
