package import TrancheCore

/// Proves that a buyer entered the line of a lot, and with which rank. It does not expire: the sale does.
///
/// Wire form: base64url of `version(1) lot(4) rank(8) arrivedAt(8) length(1) buyer mac(32)`, numbers big-endian, times
/// in microseconds.
package struct EntryTicket: Hashable, Sendable {
    package let lot: LotID
    package let buyer: BuyerID
    package let rank: EntryRank
    package let arrivedAt: Instant

    package init(lot: LotID, buyer: BuyerID, rank: EntryRank, arrivedAt: Instant) {
        self.lot = lot
        self.buyer = buyer
        self.rank = rank
        self.arrivedAt = arrivedAt
    }
}

/// Makes and checks entry tickets.
package struct EntryTicketCodec: Sendable {
    package static let version: UInt8 = 1
    /// Bytes before the length of the buyer's name.
    private static let fixedBytes = 21
    private let seal: GateSeal

    package init(_ keys: GateKeys) {
        self.seal = GateSeal(keys, .ticket, contentLimit: Self.fixedBytes + 1 + Limits.buyerBytes)
    }

    /// The longest ticket in characters.
    package var lengthLimit: Int { self.seal.lengthLimit }

    package func seal(_ ticket: EntryTicket) -> String {
        var content: [UInt8] = [Self.version]
        content.reserveCapacity(Self.fixedBytes + 1 + Limits.buyerBytes + GateSeal.macBytes)
        content.put(big: ticket.lot.rawValue)
        content.put(big: ticket.rank.rawValue)
        content.put(big: ticket.arrivedAt.microseconds)
        SealedBuyer.put(ticket.buyer, into: &content)
        return self.seal.seal(content)
    }

    /// Checks form, signature, lot and buyer.
    package func open(_ text: some Collection<UInt8>, lot: LotID, buyer: BuyerID) throws(SealError) -> EntryTicket {
        let bytes = Array(text)
        return try bytes.withUnsafeBufferPointer { bytes throws(SealError) in
            try self.open(UnsafeRawBufferPointer(bytes), lot: lot, buyer: buyer)
        }
    }

    package func open(
        _ text: UnsafeRawBufferPointer, lot: LotID, buyer: BuyerID
    ) throws(SealError) -> EntryTicket {
        let ticket = try self.seal.open(text) { Self.read($0) }
        guard ticket.lot == lot else { throw .wrongLot(ticket.lot, expected: lot) }
        guard ticket.buyer == buyer else { throw .wrongBuyer }
        return ticket
    }

    private static func read(_ content: UnsafeRawBufferPointer) -> Result<EntryTicket, SealError> {
        if let fault = SealedBuyer.check(version: self.version, content, fixedBytes: self.fixedBytes) {
            return .failure(fault)
        }
        return SealedBuyer.take(from: content, at: self.fixedBytes).map { buyer in
            EntryTicket(
                lot: LotID(content.big(UInt32.self, at: 1)), buyer: buyer,
                rank: EntryRank(rawValue: content.big(UInt64.self, at: 5)),
                arrivedAt: Instant(microseconds: content.big(Int64.self, at: 13)))
        }
    }
}
