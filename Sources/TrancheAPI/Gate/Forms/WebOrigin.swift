/// The part of an address that a browser keeps sites apart by: scheme, host and port (RFC 6454).
package struct WebOrigin: Hashable, Sendable {
    package static let byteLimit = 300

    package let isEncrypted: Bool
    /// A name, or an address without brackets; lower case.
    package let host: String
    package let port: UInt16
    private let isBracketed: Bool

    /// The origin of an http or https address; `nil` for anything else, `null` among it.
    package init?(address: some StringProtocol) {
        guard address.utf8.count <= Self.byteLimit else { return nil }
        let text = address.lowercased()
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return nil }
        let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        self.init(isEncrypted: scheme == "https://", authority: authority)
    }

    /// - Parameter authority: As in the field `Host`.
    package init?(isEncrypted: Bool, authority: some StringProtocol) {
        let text = authority.lowercased()
        // The text before an @ is a user's name and no host.
        guard !text.isEmpty, text.utf8.allSatisfy({ (33...126).contains($0) }), !text.contains("@"),
            !text.contains("\\"), !text.contains("/")
        else { return nil }
        var rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            self.host = String(text[text.index(after: text.startIndex)..<end])
            (self.isBracketed, rest) = (true, text[text.index(after: end)...])
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            self.host = String(text[..<colon])
            (self.isBracketed, rest) = (false, text[colon...])
        }
        guard !self.host.isEmpty else { return nil }
        self.isEncrypted = isEncrypted
        if rest.isEmpty {
            self.port = isEncrypted ? 443 : 80
            return
        }
        guard rest.removeFirst() == ":", rest.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(rest),
            port > 0
        else { return nil }
        self.port = port
    }

    /// As browsers write it: without the usual port.
    package var text: String {
        let host = self.isBracketed ? "[\(self.host)]" : self.host
        let usual: UInt16 = self.isEncrypted ? 443 : 80
        return (self.isEncrypted ? "https://" : "http://") + host + (self.port == usual ? "" : ":\(self.port)")
    }
}
