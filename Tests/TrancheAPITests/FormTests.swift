import Testing
import TrancheAPI

@Suite("Forms of a gate") struct FormTests {
    private func read(_ text: String) throws(Problem) -> FormBody { try FormBody(Array(text.utf8)) }

    @Test("fields are read as browsers write them") func fieldsAreRead() throws {
        let form = try self.read("name=Ann+Lee&text=%31%37&empty=&flag&%C3%A9=%E2%82%AC")
        #expect(form["name"] == "Ann Lee" && form["text"] == "17" && form["empty"] == "" && form["flag"] == "")
        #expect(form["é"] == "€" && form["other"] == nil)
        #expect(try self.read("") == self.read("&&"))
    }

    @Test(
        "what has two meanings, or none, is refused",
        arguments: ["a=1&a=2", "a=%", "a=%1", "a=%zz", "a=%ff", "%ff=1", "a=1&%61=2"])
    func badFormsAreRefused(text: String) {
        let problem = #expect(throws: Problem.self) { _ = try self.read(text) }
        #expect(problem?.status == 400 && problem?.code == "bad_request")
    }

    @Test("forms have a limit of fields and of bytes") func formsHaveLimits() throws {
        func form(_ count: Int) -> String { (0..<count).map { "f\($0)=1" }.joined(separator: "&") }
        #expect(try self.read(form(FormBody.fieldLimit))["f15"] == "1")
        let many = #expect(throws: Problem.self) { _ = try self.read(form(FormBody.fieldLimit + 1)) }
        #expect(many?.detail.contains("16") == true)
        let long = #expect(throws: Problem.self) { _ = try self.read(String(repeating: "a", count: 9_000)) }
        #expect(long?.code == "too_large" && long?.detail.contains("8192") == true)
    }

    @Test("a form that is written is read as the same fields") func formsComeBack() throws {
        let bytes = FormBody.encode([("secret", "a+b c&d=e%é"), ("response", "x")])
        let form = try FormBody(bytes)
        #expect(form["secret"] == "a+b c&d=e%é" && form["response"] == "x")
        #expect(bytes.allSatisfy { (33...126).contains($0) })
    }

    @Test("an origin is scheme, host and port") func originsAreRead() {
        #expect(WebOrigin(address: "https://Shop.example/a?b")?.text == "https://shop.example")
        #expect(WebOrigin(address: "https://shop.example:443")?.text == "https://shop.example")
        #expect(WebOrigin(address: "http://shop.example:8080/")?.text == "http://shop.example:8080")
        #expect(WebOrigin(address: "http://[::1]:80")?.text == "http://[::1]")
        #expect(WebOrigin(address: "http://a") != WebOrigin(address: "https://a"))
        for bad in ["null", "", "ftp://a", "https://", "https://a@b", "https://a:0", "https://a:x", "https://a:99999"] {
            #expect(WebOrigin(address: bad) == nil, "\(bad)")
        }
    }

    @Test(
        "a form counts from a page of the gate only",
        arguments: [
            (FormSource(origin: "https://gate.example", fetchSite: "same-origin", host: "gate.example"), true),
            (FormSource(origin: "https://gate.example", fetchSite: nil, host: "gate.example"), true),
            (FormSource(origin: nil, fetchSite: "same-origin", host: "gate.example"), true),
            (FormSource(origin: "http://localhost:80", fetchSite: nil, host: "localhost"), true),
            (FormSource(origin: "https://gate.example", fetchSite: "cross-site", host: "gate.example"), false),
            (FormSource(origin: "https://gate.example", fetchSite: "same-site", host: "gate.example"), false),
            (FormSource(origin: "https://evil.example", fetchSite: nil, host: "gate.example"), false),
            (FormSource(origin: "https://evil.gate.example", fetchSite: nil, host: "gate.example"), false),
            (FormSource(origin: "https://evil.example", fetchSite: "same-origin", host: "gate.example"), false),
            (FormSource(origin: "http://gate.example", fetchSite: nil, host: "other"), false),
            (FormSource(origin: "null", fetchSite: nil, host: "gate.example"), false),
            (FormSource(origin: nil, fetchSite: nil, host: "gate.example"), false),
            (FormSource(origin: nil, fetchSite: "none", host: "gate.example"), false),
        ])
    func foreignFormsAreNoticed(source: FormSource, isOwn: Bool) {
        #expect(source.isOwn(home: "https://gate.example") == isOwn)
    }

    @Test(
        "an act is foreign if a browser says that another site sent it",
        arguments: [
            // A program that is no browser says nothing; the console says both.
            (FormSource(origin: nil, fetchSite: nil, host: "center:7000"), false),
            (FormSource(origin: "https://center:7000", fetchSite: "same-origin", host: "center:7000"), false),
            (FormSource(origin: "http://127.0.0.1:7000", fetchSite: nil, host: "127.0.0.1:7000"), false),
            (FormSource(origin: nil, fetchSite: "none", host: "center:7000"), false),
            (FormSource(origin: "https://evil.example", fetchSite: "cross-site", host: "center:7000"), true),
            (FormSource(origin: "https://evil.example", fetchSite: nil, host: "center:7000"), true),
            (FormSource(origin: "https://evil.example", fetchSite: "same-origin", host: "center:7000"), true),
            (FormSource(origin: nil, fetchSite: "same-site", host: "center:7000"), true),
            (FormSource(origin: "https://center:7001", fetchSite: nil, host: "center:7000"), true),
            (FormSource(origin: "null", fetchSite: nil, host: "center:7000"), true),
            (FormSource(origin: "https://center:7000", fetchSite: nil, host: nil), true),
        ])
    func foreignActsAreNoticed(source: FormSource, isForeign: Bool) { #expect(source.isForeign == isForeign) }

    @Test("only pages of the shop that are named may sign buyers in") func shopsAreNamed() {
        let source = FormSource(origin: "https://shop.example", fetchSite: "cross-site", host: "gate.example")
        #expect(source.isFrom(["https://other.example", "https://shop.example"]))
        #expect(!source.isFrom([]) && !source.isFrom(["https://example"]))
        #expect(!FormSource(origin: "null", fetchSite: nil, host: nil).isFrom(["null"]))
    }

    @Test("a cookie is for this site only, and is read back") func cookiesAreStrict() {
        let cookie = StrictCookie(name: "s", value: "a-b_c.1", path: "/x", isSecure: true, lifeSeconds: 60)
        #expect(cookie.field == "s=a-b_c.1; Path=/x; Max-Age=60; HttpOnly; SameSite=Strict; Secure")
        let plain = StrictCookie(name: "s", value: "", path: "/", isSecure: false, lifeSeconds: 0)
        #expect(plain.field == "s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
        #expect(StrictCookie.value("s", in: "r=1; s=a-b; s=c") == "a-b")
        #expect(StrictCookie.value("s", in: "ss=1") == nil && StrictCookie.value("s", in: nil) == nil)
        #expect(StrictCookie.value("s", in: "s=a b") == nil && StrictCookie.value("s", in: "s=") == nil)
        #expect(StrictCookie.value("s", in: "s=1; x=" + String(repeating: "a", count: 5_000)) == nil)
    }

    @Test("a captcha provider says yes or no; everything else means that it is away") func verdictsAreRead() {
        func read(_ text: String, status: Int = 200) -> CaptchaVerdict {
            CaptchaVerdict.read(status: status, Array(text.utf8))
        }
        #expect(read(#"{"success":true,"hostname":"shop.example","error-codes":[]}"#) == .yes)
        #expect(read(#"{"success":false,"error-codes":["timeout-or-duplicate"]}"#) == .no)
        #expect(read(#"{"success":false}"#) == .no)
        for (text, status) in [
            (#"{"success":true}"#, 500), (#"{"success":"true"}"#, 200), ("", 200), ("<html>", 200), ("[]", 200),
            (#"{"success":false,"error-codes":["invalid-input-secret"]}"#, 200),
        ] {
            guard case .away = read(text, status: status) else {
                Issue.record("\(status) \(text) is a verdict")
                continue
            }
        }
        let question = String(decoding: CaptchaVerdict.question(secret: "s&x", response: "r=1"), as: UTF8.self)
        #expect(question == "secret=s%26x&response=r%3d1")
    }
}
