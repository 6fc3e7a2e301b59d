import Foundation

/// Where a RabbitMQ is: `amqps://host:port/vhost`. There is no user in it: addresses are shown.
package struct RabbitAddress: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a host's name, and of a virtual host's.
    package static let hostBytes = 253
    package static let virtualHostBytes = 255
    /// What an address is, for messages.
    package static let rule =
        "amqps://host:port/vhost, without a user (the port is 5671, or 5672 of amqp://, and the vhost /, if not given)"

    package let host: String
    package let port: Int32
    /// Whether the connection is encrypted, and the certificate of the server checked.
    package let isEncrypted: Bool
    package let virtualHost: String

    /// - Returns: `nil` if `text` breaks ``rule``.
    package init?(_ text: String) {
        let (rest, isEncrypted): (Substring, Bool)
        if text.hasPrefix("amqps://") {
            (rest, isEncrypted) = (text.dropFirst(8), true)
        } else if text.hasPrefix("amqp://") {
            (rest, isEncrypted) = (text.dropFirst(7), false)
        } else {
            return nil
        }
        guard !rest.contains("@"), !rest.contains("?"), !rest.contains("#") else { return nil }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let place = Self.place(parts[0], port: isEncrypted ? 5_671 : 5_672) else { return nil }
        var virtualHost = "/"
        if parts.count == 2, !parts[1].isEmpty {
            guard let decoded = String(parts[1]).removingPercentEncoding, !parts[1].contains("/"),
                decoded.utf8.count <= Self.virtualHostBytes, !decoded.utf8.contains(0)
            else { return nil }
            virtualHost = decoded
        }
        (self.host, self.port) = place
        (self.isEncrypted, self.virtualHost) = (isEncrypted, virtualHost)
    }

    /// `host`, `host:port`, or an IPv6 address in brackets with or without a port.
    private static func place(_ text: Substring, port: Int32) -> (String, Int32)? {
        var (host, rest) = (text.prefix { $0 != ":" }, text.drop { $0 != ":" })
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard host.utf8.allSatisfy({ Self.isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { return nil }
        } else {
            guard host.utf8.allSatisfy({ Self.isNameByte($0) }) else { return nil }
        }
        guard (1...Self.hostBytes).contains(host.utf8.count) else { return nil }
        if rest.isEmpty { return (String(host), port) }
        guard rest.first == ":", let number = Int32(rest.dropFirst()), (1...65_535).contains(number) else { return nil }
        return (String(host), number)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte) || (65...70).contains(byte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || (65...90).contains(byte) || byte == 45 || byte == 46
            || byte == 95
    }

    package var description: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        let vhost = self.virtualHost.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "\(self.isEncrypted ? "amqps" : "amqp")://\(host):\(self.port)/\(vhost)"
    }
}
