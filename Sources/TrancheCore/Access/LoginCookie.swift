/// A cookie of the console's logins.
///
/// A browser takes `__Host-` from this host alone, over TLS and for `/` (RFC 6265bis, section 4.1.3.2): another host of the
/// domain cannot put a login of its own beside it. Over plain HTTP no browser takes the prefix.
package struct LoginCookie: Hashable, Sendable {
    package let name: String
    package let path: String
    private let isSecure: Bool
    private let site: String

    /// A session.
    package static func session(isSecure: Bool) -> LoginCookie {
        LoginCookie(
            name: isSecure ? "__Host-tranche" : "tranche-console", path: "/", isSecure: isSecure, site: "Strict")
    }

    /// A login that has begun. `Lax`, because the provider's page sends the browser back.
    package static func attempt(isSecure: Bool) -> LoginCookie {
        LoginCookie(
            name: isSecure ? "__Host-tranche-login" : "tranche-login", path: isSecure ? "/" : "/console/login",
            isSecure: isSecure, site: "Lax")
    }

    /// The field that sets it.
    package func field(_ value: String, seconds: Int64) -> String {
        "\(self.name)=\(value); Path=\(self.path); Max-Age=\(seconds); HttpOnly; SameSite=\(self.site)"
            + (self.isSecure ? "; Secure" : "")
    }

    /// The field that clears it.
    package var cleared: String { self.field("", seconds: 0) }
}
