/// A cookie that no script reads and no other site's page sends (RFC 6265; draft-ietf-httpbis-rfc6265bis, `SameSite`).
package struct StrictCookie: Hashable, Sendable {
    /// The longest field `Cookie` that is read, in bytes.
    package static let byteLimit = 4_096

    package let name: String
    /// Letters, digits, `-`, `_` and `.`: what signed texts have.
    package let value: String
    /// The cookie is sent to this path and those below it.
    package let path: String
    package let isSecure: Bool
    package let lifeSeconds: Int

    package init(name: String, value: String, path: String, isSecure: Bool, lifeSeconds: Int) {
        precondition(
            Self.isPlain(name) && Self.isPlain(value) && !path.contains(";"), "the cookie \(name), path \(path)")
        (self.name, self.value, self.path) = (name, value, path)
        (self.isSecure, self.lifeSeconds) = (isSecure, lifeSeconds)
    }

    /// The value of the field `Set-Cookie`. A life of 0 removes the cookie.
    package var field: String {
        "\(self.name)=\(self.value); Path=\(self.path); Max-Age=\(max(0, self.lifeSeconds)); HttpOnly; SameSite=Strict"
            + (self.isSecure ? "; Secure" : "")
    }

    /// The value of a cookie in the field `Cookie`. Of two with one name the first counts: it has the longer path.
    package static func value(_ name: String, in field: String?) -> String? {
        guard let field, field.utf8.count <= self.byteLimit else { return nil }
        for part in field.split(separator: ";") {
            let pair = part.drop { $0 == " " }
            guard pair.hasPrefix("\(name)=") else { continue }
            let value = pair.dropFirst(name.count + 1)
            return self.isPlain(value) && !value.isEmpty ? String(value) : nil
        }
        return nil
    }

    private static func isPlain(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
