import Testing
import TrancheCore

@Suite("Cookies of logins") struct LoginCookieTests {
    @Test("over TLS no other host and no other path can set one, and it is cleared as it was set") func hostsAreBound()
    {
        for cookie in [LoginCookie.session(isSecure: true), .attempt(isSecure: true)] {
            for field in [cookie.field("x", seconds: 600), cookie.cleared] {
                // What a browser needs to take the prefix.
                #expect(field.hasPrefix("__Host-") && field.contains("; Path=/;") && field.hasSuffix("; Secure"))
                #expect(field.contains("; HttpOnly;") && !field.contains("Domain"))
            }
            #expect(cookie.cleared.contains("=; ") && cookie.cleared.contains("; Max-Age=0;"))
        }
        #expect(LoginCookie.session(isSecure: true).name != LoginCookie.attempt(isSecure: true).name)
        #expect(
            LoginCookie.attempt(isSecure: true).field("x", seconds: 600)
                == "__Host-tranche-login=x; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure")
    }

    @Test("over plain HTTP they have names that a browser takes") func plainHTTP() {
        #expect(
            LoginCookie.attempt(isSecure: false).field("x", seconds: 600)
                == "tranche-login=x; Path=/console/login; Max-Age=600; HttpOnly; SameSite=Lax")
        #expect(
            LoginCookie.session(isSecure: false).cleared
                == "tranche-console=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
    }
}
