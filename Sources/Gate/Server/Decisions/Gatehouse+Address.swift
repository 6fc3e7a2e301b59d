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
        guard !field.isEmpty, self.configuration.proxies.contains(address) else { return address }
        for part in String(decoding: field, as: UTF8.self).split(separator: ",").reversed() {
            guard let next = try? NetworkAddress(text: part.filter { !$0.isWhitespace }) else { return address }
            address = next
            guard self.configuration.proxies.contains(address) else { return address }
        }
        return address
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
