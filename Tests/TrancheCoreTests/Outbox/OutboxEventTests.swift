import Testing
import TrancheCore

@Suite("Events of the outbox") struct OutboxEventTests {
    static let order = Order(
        id: OrderID(high: 1, low: 2), buyer: BuyerID("ann")!, lot: LotID(7), quantity: 2, buyerLimit: 2,
        generation: Generation(1), stamp: Stamp(rawValue: 5), deadline: Instant(microseconds: 9))
    static let payment = PaymentID("p1")!

    private func kinds(_ entry: LedgerEntry) -> [OutboxEvent.Kind] {
        entry.events(at: 1, generation: Generation(1)).map(\.kind)
    }

    private func ended(_ state: OrderState) -> Order {
        var order = Self.order
        order.state = state
        return order
    }

    @Test("each fate of an order is an event, and what concerns no order is none") func fatesAreEvents() {
        #expect(self.kinds(.reserved(Self.order)) == [.reserved])
        #expect(self.kinds(.allocated(Self.order, isOffer: false)) == [.won])
        #expect(self.kinds(.confirmed(Self.order, payment: Self.payment)) == [.paid])
        #expect(self.kinds(.released(Self.order, state: .expired)) == [.expired, .stockReturned])
        #expect(self.kinds(.released(Self.order, state: .cancelled)) == [.cancelled, .stockReturned])
        #expect(self.kinds(.lost(self.ended(.lost))) == [.lost])
        #expect(self.kinds(.lost(self.ended(.cancelled))) == [.cancelled])
        #expect(self.kinds(.allocated(Self.order, isOffer: true)) == [.claimOffered])
        for isOffer in [false, true] {
            let late = LedgerEntry.allocated(self.ended(.cancelled), isOffer: isOffer)
            #expect(self.kinds(late) == [.stockReturned], "it was cancelled before")
        }
        #expect(self.kinds(.refundDue(Self.order.id, payment: Self.payment, reason: .orderOver)) == [.refundDue])
        for entry in [
            LedgerEntry.opened(Incarnation(1)), .generation(Generation(2)), .granted(LotID(7), total: 1), .nonce(1),
            .soldOut(LotID(7)), .contested(Self.order, uncertaintyMicroseconds: 1), .ceiling(Stamp(rawValue: 1)),
        ] { #expect(self.kinds(entry).isEmpty) }
    }

    @Test("an event shows the order as it is after its entry") func eventsShowTheNewState() {
        let released = LedgerEntry.released(Self.order, state: .expired).events(at: 3, generation: Generation(1))
        #expect(released.allSatisfy { $0.facts?.state == .expired && $0.order == Self.order.id })
        let paid = LedgerEntry.confirmed(Self.order, payment: Self.payment).events(at: 4, generation: Generation(1))
        #expect(paid[0].facts?.state == .paid)
        #expect(paid[0].payment == Self.payment)
    }

    @Test("ids name unit, generation, position and number, and positions of a new generation have other ids")
    func idsAreUnique() {
        var cursor = OutboxCursor(position: 40, generation: Generation(2))
        let released = cursor.pass(.released(Self.order, state: .expired), at: 41)
        #expect(released.map { $0.id(of: UnitID(3)) } == ["3:2:41:0", "3:2:41:1"])
        #expect(cursor.pass(.generation(Generation(3)), at: 42).isEmpty)
        let next = cursor.pass(.reserved(Self.order), at: 43)
        #expect(next[0].id(of: UnitID(3)) == "3:3:43:0")
        #expect(cursor == OutboxCursor(position: 43, generation: Generation(3)))
    }
}

@Suite("Private addresses") struct PrivateAddressTests {
    @Test(
        "addresses of this machine, of private networks and of examples are private",
        arguments: [
            [127, 0, 0, 1], [10, 1, 2, 3], [172, 16, 0, 1], [172, 31, 255, 255], [192, 168, 1, 1],
            [169, 254, 169, 254],
            [0, 0, 0, 0], [100, 64, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255], [192, 0, 2, 1], [198, 19, 0, 1], [],
            [1],
        ]) func privateAddresses(_ bytes: [UInt8])
    { #expect(PrivateAddress.contains(bytes)) }

    @Test(
        "public addresses are not private, next to the borders too",
        arguments: [
            [8, 8, 8, 8], [172, 15, 0, 1], [172, 32, 0, 1], [100, 63, 0, 1], [100, 128, 0, 1], [192, 1, 0, 1],
            [223, 255, 255, 255], [198, 17, 0, 1], [198, 20, 0, 1], [169, 253, 0, 1],
        ]) func publicAddresses(_ bytes: [UInt8])
    { #expect(!PrivateAddress.contains(bytes)) }

    @Test("an IPv6 address is judged by its network, and by an IPv4 address in it") func addressesOfIPv6() {
        func bytes(_ first: [UInt8], _ last: [UInt8]) -> [UInt8] {
            first + [UInt8](repeating: 0, count: 16 - first.count - last.count) + last
        }
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255]
        let translated: [UInt8] = [0, 0x64, 0xff, 0x9b]
        for one in [
            bytes([], [1]), bytes([], []), bytes([0xfe, 0x80], [1]), bytes([0xfd], [1]), bytes([0xff, 2], [1]),
            mapped + [127, 0, 0, 1], bytes(translated, [10, 0, 0, 1]), bytes([0x20, 2, 192, 168, 0, 1], [1]),
            bytes([0x20, 1, 0x0d, 0xb8], [1]), bytes([0x20, 1, 0, 0], [1]),
        ] { #expect(PrivateAddress.contains(one), "\(one)") }
        for one in [
            bytes([0x26, 0x06, 0x47, 0], [1]), mapped + [8, 8, 8, 8], bytes(translated, [8, 8, 8, 8]),
            bytes([0x20, 1, 0x48, 0x60], [1]), bytes([0x20, 2, 8, 8, 8, 8], [1]),
        ] { #expect(!PrivateAddress.contains(one), "\(one)") }
    }
}
