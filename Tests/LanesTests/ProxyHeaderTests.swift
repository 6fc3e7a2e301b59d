import ExpressParsing
import Lanes
import Sockets
import Testing

@Suite("The PROXY protocol, version 2") struct ProxyHeaderTests {
    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0x10, 0, 0x01, 0xBB]

    private func header(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let count = length ?? rest.count
        return ProxyHeader.signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + rest
    }

    private func parse(_ bytes: some Collection<UInt8>) -> ProxyHeader.Result {
        Array(bytes).withUnsafeBytes { ProxyHeader.parse($0) }
    }

    private func source(_ bytes: [UInt8]) -> ProxyHeader.Source? {
        guard case .header(let header) = self.parse(bytes) else { return nil }
        return header.length == bytes.count ? header.source : nil
    }

    @Test("the client's address is the first one of the header") func addressesAreRead() {
        #expect(self.source(self.header(0x21, 0x11, Self.v4)) == .v4(0xC000_0201))
        let v6: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [5]
        let rest = v6 + Array(repeating: 9, count: 16) + [0, 1, 0, 2]
        #expect(self.source(self.header(0x21, 0x21, rest)) == .v6(0x2001_0DB8_0000_0000, 5))
    }

    @Test("a proxy that speaks for itself, or has no address, leaves the connection's own") func ownStands() {
        #expect(self.source(self.header(0x20, 0x00, [])) == .own)
        #expect(self.source(self.header(0x20, 0x11, Self.v4)) == .own, "a health check may say anything")
        #expect(self.source(self.header(0x21, 0x00, [])) == .own)
        #expect(self.source(self.header(0x21, 0x31, Array(repeating: 0, count: 216))) == .own)
    }

    @Test("further fields are skipped, and the client's bytes are left") func fieldsAreSkipped() {
        let fields: [UInt8] = [0x04, 0, 3, 1, 2, 3, 0x01, 0, 2, 104, 50]
        #expect(self.source(self.header(0x21, 0x11, Self.v4 + fields)) == .v4(0xC000_0201))
        let header = self.header(0x21, 0x11, Self.v4)
        guard case .header(let read) = self.parse(header + Array("GET /".utf8)) else {
            Issue.record("the header was not read")
            return
        }
        #expect(read.length == header.count)
    }

    @Test("each part of a header is incomplete, and no other byte stands before it") func partsAreIncomplete() {
        let header = self.header(0x21, 0x11, Self.v4)
        for count in 0..<header.count { #expect(self.parse(header[..<count]) == .incomplete, "\(count)") }
        for index in 0..<ProxyHeader.signature.count {
            var changed = header
            changed[index] ^= 1
            #expect(self.parse(changed) == .malformed)
            #expect(self.parse(changed[...index]) == .malformed, "at once")
        }
        #expect(self.parse(Array("GET / HTTP/1.1\r\n".utf8)) == .malformed)
        #expect(self.parse(Array("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".utf8)) == .malformed, "version 1")
    }

    @Test("what breaks the protocol or a limit is malformed") func brokenHeadersAreRefused() {
        for (command, family) in [
            (0x11, 0x11), (0x31, 0x11), (0x22, 0x11), (0x2F, 0x11), (0x21, 0x41), (0x21, 0xF1), (0x21, 0x12),
            (0x21, 0x10), (0x21, 0x01), (0x21, 0x1F),
        ] as [(UInt8, UInt8)] {
            #expect(self.parse(self.header(command, family, Self.v4)) == .malformed, "\(command), \(family)")
        }
        #expect(self.parse(self.header(0x21, 0x11, Array(Self.v4.dropLast()))) == .malformed)
        #expect(self.parse(self.header(0x21, 0x21, Self.v4)) == .malformed)
        let most = ProxyHeader.byteLimit - 16
        #expect(self.source(self.header(0x21, 0x11, Self.v4 + Array(repeating: 0, count: most - 12))) != nil)
        #expect(self.parse(self.header(0x21, 0x11, Self.v4, length: most + 1)) == .malformed)
    }

    @Test("a lane's connection takes its client's address once, and only if it is a proxy's") func laneTakesAddress() {
        var connection = LaneConnection()
        let (proxy, client) = (ClientAddress(v4: 1), ClientAddress(v4: 0xC000_0201))
        connection.accept(7, proxy, isProxy: true, now: 0)
        #expect(connection.awaitsProxyHeader && connection.address == proxy)
        connection.setClient(client)
        #expect(!connection.awaitsProxyHeader && connection.address == client)
        connection.free()
        connection.accept(8, proxy, now: 0)
        #expect(!connection.awaitsProxyHeader && connection.address == proxy)
        #expect(ClientAddress(v6: (0, 0xFFFF_C000_0201)) == client, "an IPv4 address in the form of IPv6")
    }
}
