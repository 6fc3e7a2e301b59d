import Edge
import Glibc
import NIOConcurrencyHelpers
import Sockets
import Testing

/// The limits of connections, tested without a connection.
@Suite("Edge: connections") struct EdgeConnectionRegisterTests {
    private func v4(_ text: String) -> ClientAddress {
        var address = in_addr()
        inet_pton(AF_INET, text, &address)
        return ClientAddress(v4: address)
    }

    private func v6(_ text: String) -> ClientAddress {
        var address = in6_addr()
        inet_pton(AF_INET6, text, &address)
        return ClientAddress(v6: address)
    }

    @Test("an address has its own limit, and a closed connection frees its share") func addressHasItsOwnLimit() {
        let register = ConnectionRegister(limit: 10, limitPerAddress: 2)
        let (one, other) = (self.v4("192.0.2.1"), self.v4("192.0.2.2"))
        #expect((0..<3).map { _ in register.enter(one) } == [.counted, .counted, .addressFull])
        #expect(register.enter(other) == .counted)
        register.leave(one)
        #expect(register.enter(one) == .counted)
        #expect(register.enter(one) == .addressFull)
    }

    @Test("a /64 of IPv6 counts as one address, the next /64 as another, and an IPv4-mapped address as IPv4")
    func ipv6NetworkIsOneAddress() {
        #expect(self.v6("2001:db8:1:2::1") == self.v6("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(self.v6("2001:db8:1:2::1") != self.v6("2001:db8:1:3::1"))
        #expect(self.v6("::ffff:192.0.2.1") == self.v4("192.0.2.1"))
        #expect(self.v6("::ffff:192.0.2.1") != self.v6("::ffff:192.0.2.2"))
        #expect(self.v4("0.0.0.0") != self.v6("::"))
        let register = ConnectionRegister(limit: 10, limitPerAddress: 1)
        #expect(register.enter(self.v6("2001:db8:1:2::1")) == .counted)
        #expect(register.enter(self.v6("2001:db8:1:2::2")) == .addressFull)
    }

    @Test("a full listener refuses, and is crowded from four fifths of its limit") func fullListenerSaysSo() {
        let register = ConnectionRegister(limit: 5, limitPerAddress: 5)
        let address = self.v4("192.0.2.1")
        for count in 1...5 {
            #expect(register.enter(self.v4("192.0.2.\(count)")) == .counted)
            #expect(register.isCrowded == (count >= 4))
            #expect(register.isFull == (count == 5))
        }
        #expect(register.enter(address) == .full)
        register.leave(address)
        #expect(!register.isFull && register.isCrowded)
    }

    @Test("a connection that replaces another one is counted, and its address's limit still applies")
    func replacementStaysWithinAddressLimit() {
        let register = ConnectionRegister(limit: 2, limitPerAddress: 1)
        let (one, two, three) = (self.v4("192.0.2.1"), self.v4("192.0.2.2"), self.v4("192.0.2.3"))
        #expect([register.enter(one), register.enter(two), register.enter(three)] == [.counted, .counted, .full])
        #expect(register.enter(one) == .addressFull, "no connection is closed for an address at its limit")
        #expect(register.enter(one, hasMadeRoom: true) == .addressFull)
        #expect(register.enter(three, hasMadeRoom: true) == .counted)
        register.leave(one)
        #expect(register.isFull, "two are there: the one that stayed, and the new one")
        #expect(register.enter(one) == .full)
        register.leave(two)
        register.leave(three)
        #expect(register.enter(one) == .counted)
        #expect(!register.isFull)
    }

    @Test("the connection that has been idle for longest is closed, and no connection in use")
    func oldestIdleConnectionIsClosed() {
        let register = ConnectionRegister(limit: 5, limitPerAddress: 5)
        let closed = NIOLockedValueBox<[Int]>([])
        let activities = ([30, 10, nil, 20] as [Int64?]).enumerated().map { number, since in
            let activity = ConnectionActivity { closed.withLockedValue { $0.append(number) } }
            activity.idle = since
            register.track(activity)
            return activity
        }
        #expect(register.closeOldestIdle() && register.closeOldestIdle())
        #expect(closed.withLockedValue { $0 } == [1, 3])
        activities[0].idle = nil
        #expect(!register.closeOldestIdle(), "all are used")
        activities[2].idle = 5
        #expect(register.closeOldestIdle())
        activities[0].idle = 1
        register.untrack(activities[0])
        #expect(!register.closeOldestIdle(), "it has gone by itself")
        #expect(closed.withLockedValue { $0 } == [1, 3, 2])
    }
}
