import Testing
import TrancheCore

@Suite("Addresses") struct AddressTests {
    @Test(
        "addresses of both versions are read",
        arguments: [
            ("0.0.0.0", 0xFFFF_0000_0000), ("192.0.2.7", 0xFFFF_C000_0207), ("255.255.255.255", 0xFFFF_FFFF_FFFF),
            ("::", 0), ("::1", 1), ("1::", 1 << 112), ("::ffff:192.0.2.7", 0xFFFF_C000_0207),
            ("::192.0.2.7", 0xC000_0207), ("2001:DB8::7", 0x2001_0db8 << 96 | 7),
            ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004 << 64 | 0x0005_0006_0007_0008),
            ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004 << 64 | 0x0005_0006_0102_0304),
            ("1::8", 1 << 112 | 8), ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004 << 64 | 0x0005_0006_0007_0000),
            ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004 << 64 | 0x0005_0006_0007_0008),
            ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", .max),
        ] as [(String, UInt128)])
    func addresses(text: String, value: UInt128) throws {
        #expect(try NetworkAddress(text: text).rawValue == value)
    }

    @Test(
        "other texts are refused, and the error names them",
        arguments: [
            "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.1000", "01.2.3.4", "1.2.3.04", "1.2.3.", ".1.2.3",
            "1..2.3", "1.2.3.4 ", "+1.2.3.4", "-1.2.3.4", "0x1.2.3.4", "a.b.c.d", ":", ":::", "1:", ":1", "1:2",
            "1::2::3", "::1::", "1:::2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
            "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4.5", "1.2.3.4::", "::1.2.3.4:5", "1:1.2.3.4::",
            "1:2:3:4:5:6:7:1.2.3.4", "192.0.2.7/24", "localhost", "١.2.3.4", "1.2.3.4\0",
        ])
    func badAddresses(text: String) {
        #expect(throws: AddressError.notAnAddress(text)) { try NetworkAddress(text: text) }
        #expect("\(AddressError.notAnAddress(text))".contains("\"\(text)\""))
    }

    @Test("where only networks are known, a range is compared by networks, and never contains all of version 4")
    func networksOfRanges() throws {
        for (range, address, isIn) in [
            ("2001:db8::7", "2001:db8::9", true), ("2001:db8::7", "2001:db8:0:1::7", false), ("::1", "::1", true),
            ("::1", "192.0.2.7", false), ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false),
            ("2001:db8::/32", "2001:db8:1::1", true), ("::/0", "192.0.2.7", true),
        ] {
            let contains = try AddressRange(text: range).limited.contains(NetworkAddress(text: address).limited)
            #expect(contains == isIn, "\(range) \(address)")
        }
    }

    @Test("the error of a long text names its beginning") func longText() {
        let text = String(repeating: "1", count: 100_000)
        #expect(throws: AddressError.notAnAddress(String(text.prefix(64)))) { try NetworkAddress(text: text) }
    }

    @Test("a limit counts for an address of version 4, and for a network of version 6") func limited() throws {
        func limited(_ text: String) throws -> NetworkAddress { try NetworkAddress(text: text).limited }
        #expect(try limited("192.0.2.7") == NetworkAddress(text: "192.0.2.7"))
        #expect(try limited("::ffff:192.0.2.7") == NetworkAddress(text: "192.0.2.7"))
        #expect(try limited("2001:db8:1:2:3:4:5:6") == NetworkAddress(text: "2001:db8:1:2::"))
        #expect(try NetworkAddress(text: "192.0.2.7").isVersion4 && !NetworkAddress(text: "::1").isVersion4)
    }

    @Test(
        "a range has all addresses with its first bits",
        arguments: [
            ("192.0.2.0/24", "192.0.2.0", "192.0.2.255"), ("10.0.0.0/8", "10.0.0.0", "10.255.255.255"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"), ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1/128", "::1", "::1"), ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:10.0.0.0/104", "10.0.0.0", "10.255.255.255"),
            ("8000::/1", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ])
    func ranges(text: String, first: String, last: String) throws {
        let range = try AddressRange(text: text)
        #expect(try range.first == NetworkAddress(text: first) && range.last == NetworkAddress(text: last))
        #expect(range.contains(range.first) && range.contains(range.last))
        if range.first.rawValue > 0 {
            #expect(!range.contains(NetworkAddress(rawValue: range.first.rawValue - 1)))
        }
        if range.last.rawValue < .max {
            #expect(!range.contains(NetworkAddress(rawValue: range.last.rawValue + 1)))
        }
    }

    @Test(
        "a bad prefix is refused, and the error names the range and the limit",
        arguments: [
            ("1.2.3.4/33", 32), ("1.2.3.4/", 32), ("1.2.3.4/x", 32), ("1.2.3.4/-1", 32), ("1.2.3.4/08", 32),
            ("1.2.3.4/8/8", 32), ("1.2.3.4/99999999999999999999", 32), ("::/129", 128), ("::/ 1", 128),
        ])
    func badPrefix(text: String, limit: Int) {
        #expect(throws: AddressError.badPrefix(text, limit: limit)) { try AddressRange(text: text) }
        #expect("\(AddressError.badPrefix(text, limit: limit))".contains(text))
    }

    @Test(
        "bits behind the prefix are refused",
        arguments: ["10.0.0.1/8", "0.0.0.1/0", "2001:db8::1/64", "::1/0", "1.2.3.5/31"])
    func bitsBehind(text: String) {
        #expect(throws: AddressError.bitsBehindPrefix(text)) { try AddressRange(text: text) }
    }

    @Test("a range without an address is refused", arguments: ["", "/", "/8", "abc/8", "1.2.3/8"])
    func badRange(text: String) {
        #expect(throws: AddressError.notAnAddress(text)) { try AddressRange(text: text) }
    }
}

@Suite("Lists") struct ListTests {
    @Test("a set finds what one of its ranges contains", arguments: UInt64(1)...8) func sameAsScan(seed: UInt64) throws
    {
        var draw = SeededDraw(seed)
        // Small numbers, so that ranges often touch, overlap and contain each other.
        let ranges = try (0..<60).map { _ in
            let free = draw.below(6)
            return try AddressRange(text: "0.0.\(draw.below(4)).\((draw.below(256) >> free) << free)/\(32 - free)")
        }
        let set = AddressSet(ranges)
        for value in UInt128(0xFFFF_0000_0000)..<0xFFFF_0000_0500 {
            let address = NetworkAddress(rawValue: value)
            #expect(set.contains(address) == ranges.contains { $0.contains(address) })
        }
        #expect(set.count <= ranges.count)
    }

    @Test("ranges that touch are joined") func joined() throws {
        #expect(try AddressSet(texts: ["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "11.0.0.0/8"]).count == 1)
        #expect(try AddressSet(texts: ["::/0", "10.0.0.0/8", "ffff::/16"]).count == 1)
        #expect(!AddressSet().contains(NetworkAddress(rawValue: 0)))
    }

    @Test("a list with one bad range is refused whole, and the error names it") func badList() {
        #expect(throws: AddressError.notAnAddress("10.0.0")) { try AddressSet(texts: ["10.0.0.0/8", "10.0.0", "x"]) }
    }

    @Test("a list of a million buyers needs at most 10 MB, and every buyer of it is found") func millionBuyers() throws
    {
        let hash = SipHash(key: (3, 4))
        let buyers = try (0..<1_000_000).map { try #require(BuyerID("buyer-\($0)")) }
        let set = BuyerSet(buyers, hash: hash)
        #expect(set.count == 1_000_000 && set.bytes <= 10_000_000)
        let missed = buyers.lazy.filter { !set.contains($0) }.count
        #expect(missed == 0)
        let strangers = try (0..<100_000).map { try #require(BuyerID("stranger-\($0)")) }
        let found = strangers.lazy.filter { set.contains($0) }.count
        #expect(found == 0)
    }

    @Test("the hashes may come in any order, and more than once", arguments: UInt64(1)...4) func hashes(seed: UInt64) {
        var draw = SeededDraw(seed)
        let numbers = (0..<500).map { _ in UInt64(draw.below(1_000)) } + [0, .max, .max]
        let set = BuyerSet(hashes: numbers, hash: SipHash(key: (0, 0)))
        #expect(set.count == Set(numbers).count)
        for number in UInt64(0)..<1_000 { #expect(set.contains(hash: number) == numbers.contains(number)) }
        #expect(set.contains(hash: .max) && !set.contains(hash: .max - 1))
        #expect(!BuyerSet(hash: SipHash(key: (0, 0))).contains(hash: 0))
    }
}
