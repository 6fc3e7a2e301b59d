import Testing
import TrancheCore

@Suite("Names in certificates") struct ProcessNameTests {
    @Test("a name is read and written in one way", arguments: ProcessName.Role.allCases)
    func namesAreReadAndWritten(_ role: ProcessName.Role) throws {
        let text = "spiffe://shop.example/\(role.rawValue)/eu-west-1"
        let name = try ProcessName(uri: text)
        #expect(name.domain == "shop.example")
        #expect(name.role == role)
        #expect(name.name == "eu-west-1")
        #expect(name.description == text)
        #expect(try ProcessName(domain: "shop.example", role: role, name: "eu-west-1") == name)
    }

    @Test(
        "what is no name is refused, with the reason",
        arguments: [
            ("", ProcessNameError.noSPIFFE("")),
            ("https://shop.example/unit/a", .noSPIFFE("https://shop.example/unit/a")),
            ("SPIFFE://shop.example/unit/a", .noSPIFFE("SPIFFE://shop.example/unit/a")),
            ("spiffe:/shop.example/unit/a", .noSPIFFE("spiffe:/shop.example/unit/a")),
            ("spiffe://shop.example", .badPath("spiffe://shop.example")),
            ("spiffe://shop.example/unit", .badPath("spiffe://shop.example/unit")),
            ("spiffe://shop.example/unit/a/b", .badPath("spiffe://shop.example/unit/a/b")),
            ("spiffe://shop.example/unit/a/", .badPath("spiffe://shop.example/unit/a/")),
            ("spiffe://shop.example//unit/a", .badPath("spiffe://shop.example//unit/a")),
            ("spiffe://shop.example/Unit/a", .unknownRole("Unit")),
            ("spiffe://shop.example/admin/a", .unknownRole("admin")),
            ("spiffe://shop.example//a", .unknownRole("")),
            ("spiffe:///unit/a", .badDomain("")),
            ("spiffe://Shop.example/unit/a", .badDomain("Shop.example")),
            ("spiffe://shop.example:443/unit/a", .badDomain("shop.example:443")),
            ("spiffe://me@shop.example/unit/a", .badDomain("me@shop.example")),
            ("spiffe://shöp.example/unit/a", .badDomain("shöp.example")),
            ("spiffe://shop.example/unit/", .badName("")),
            ("spiffe://shop.example/unit/.", .badName(".")),
            ("spiffe://shop.example/unit/..", .badName("..")),
            ("spiffe://shop.example/unit/a%2fb", .badName("a%2fb")),
            ("spiffe://shop.example/unit/a?x", .badName("a?x")),
            ("spiffe://shop.example/unit/a#x", .badName("a#x")),
            ("spiffe://shop.example/unit/a b", .badName("a b")),
            ("spiffe://shop.example/unit/a\u{0}", .badName("a\u{0}")),
            ("spiffe://shop.example/unit/é", .badName("é")),
        ])
    func badNamesAreRefused(_ text: String, _ expected: ProcessNameError) {
        #expect(throws: expected) { try ProcessName(uri: text) }
        #expect(!expected.description.isEmpty)
    }

    @Test("every byte of a name is a letter, a digit, a dot, a dash or an underscore, and of a domain no capital")
    func bytesAreLimited() {
        let (letters, marks) = (Set("abcdefghijklmnopqrstuvwxyz".utf8), Set("0123456789.-_".utf8))
        let capitals = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...0x7F {
            let text = "x" + String(UnicodeScalar(byte))
            let (isLetter, isMark) = (letters.contains(byte), marks.contains(byte))
            #expect(ProcessName.isDomain(text) == (isLetter || isMark), "\(byte)")
            #expect(ProcessName.isName(text) == (isLetter || isMark || capitals.contains(byte)), "\(byte)")
        }
    }

    @Test("lengths have limits") func lengthsAreLimited() throws {
        let (name, domain) = (String(repeating: "n", count: 64), String(repeating: "d", count: 253))
        #expect(throws: Never.self) { try ProcessName(uri: "spiffe://\(domain)/unit/\(name)") }
        #expect(throws: ProcessNameError.badName(name + "n")) {
            try ProcessName(uri: "spiffe://\(domain)/unit/\(name)n")
        }
        #expect(throws: ProcessNameError.badDomain(domain + "d")) {
            try ProcessName(uri: "spiffe://\(domain)d/unit/\(name)")
        }
        let long = "spiffe://" + String(repeating: "/", count: 3_000)
        #expect(throws: ProcessNameError.noSPIFFE(long)) { try ProcessName(uri: long) }
    }

    @Test("a certificate has exactly one URI name") func certificatesHaveOneName() throws {
        let (one, two) = ("spiffe://shop.example/unit/a", "spiffe://shop.example/operator/b")
        #expect(try ProcessName(uriNames: [one]).name == "a")
        #expect(throws: ProcessNameError.noURIName) { try ProcessName(uriNames: []) }
        for names in [[one, two], [two, one], [one, one], [one, "https://shop.example"]] {
            #expect(throws: ProcessNameError.severalURINames(2)) { try ProcessName(uriNames: names) }
        }
    }
}
