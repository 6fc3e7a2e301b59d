/// The stock of one SKU in one sale.
package struct LotID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable package static func < (left: LotID, right: LotID) -> Bool { left.rawValue < right.rawValue }
    @inlinable package static func == (left: LotID, right: LotID) -> Bool { left.rawValue == right.rawValue }
    package var description: String { String(self.rawValue) }
}

/// One isolated cell that sells: its own Redis, its own ledger.
package struct UnitID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package init(_ rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable package static func < (left: UnitID, right: UnitID) -> Bool { left.rawValue < right.rawValue }
    @inlinable package static func == (left: UnitID, right: UnitID) -> Bool { left.rawValue == right.rawValue }
    package var description: String { String(self.rawValue) }
}

/// Fences processes of one unit. Each start of a unit's process first raises it, durably.
package struct Incarnation: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Incarnation, right: Incarnation) -> Bool { left.rawValue < right.rawValue }
    /// Stays at the last number instead of overflowing: only a peer's message can name it.
    package var next: Incarnation { Incarnation(self.rawValue == .max ? .max : self.rawValue + 1) }
}

/// The generation of a unit's ledger. A ledger behind the center's witness gets the next one.
package struct Generation: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
    package static func < (left: Generation, right: Generation) -> Bool { left.rawValue < right.rawValue }
    /// Stays at the last number instead of overflowing.
    package var next: Generation { Generation(self.rawValue == .max ? .max : self.rawValue + 1) }
}

/// Fences centers and coordinators: only the highest epoch acts.
package struct Epoch: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Epoch, right: Epoch) -> Bool { left.rawValue < right.rawValue }
    /// Stays at the last number instead of overflowing.
    package var next: Epoch { Epoch(self.rawValue == .max ? .max : self.rawValue + 1) }
}

/// How many times an operator has revoked the purchase tokens of a sale. A token is good until the epoch in which it
/// was made ends.
package struct RevocationEpoch: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// Of a sale whose tokens were never revoked, and of tokens that name no epoch.
    package static let first = RevocationEpoch(0)
    @inlinable package static func < (left: RevocationEpoch, right: RevocationEpoch) -> Bool {
        left.rawValue < right.rawValue
    }
    package var description: String { String(self.rawValue) }
}

/// The identity of one ledger file, drawn at its creation.
package struct LedgerID: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// One process of a unit's Redis. Each start of Redis gives a new one, so that a Redis that was restored from a file,
/// with the rest of its machine, does not count as the earlier one.
package struct RedisRun: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// - Parameter runID: The `run_id` of Redis: 40 hexadecimal digits, of which 64 bits are kept (FNV-1a).
    package init(_ runID: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in runID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        self.rawValue = hash
    }
}

/// A buyer as the shop knows them: 1 to 64 printable ASCII characters.
///
/// Other characters are refused, because every store must agree on when two buyers are the same: Unicode has several
/// forms of one name, and a NUL ends a text in some libraries.
package struct BuyerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: String

    /// The rule for names of buyers, for messages.
    package static var rule: String { "1...\(Limits.buyerBytes) printable ASCII characters" }

    /// - Returns: `nil` if `rawValue` is empty, longer than ``Limits/buyerBytes``, or has other characters.
    package init?(_ rawValue: String) {
        guard (1...Limits.buyerBytes).contains(rawValue.utf8.count),
            rawValue.utf8.allSatisfy({ (32...126).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }
    /// For a value that was checked before.
    init(unchecked rawValue: String) { self.rawValue = rawValue }

    package static func < (left: BuyerID, right: BuyerID) -> Bool { left.rawValue < right.rawValue }
    package var description: String { self.rawValue }
}

extension BuyerID: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let buyer = BuyerID(text) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a buyer has \(BuyerID.rule)"))
        }
        self = buyer
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.rawValue)
    }
}

/// The 16-byte nonce of a purchase token, which is also the id of the one order that the token can make.
package struct OrderID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    /// Parses 32 hexadecimal digits; `nil` for anything else.
    package init?(hex: some StringProtocol) {
        guard let (high, low) = Hex.pair(hex) else { return nil }
        self.init(high: high, low: low)
    }
    package static func < (left: OrderID, right: OrderID) -> Bool { (left.high, left.low) < (right.high, right.low) }
    package var description: String { Hex.text(self.high) + Hex.text(self.low) }
}

extension OrderID: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let order = OrderID(hex: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "an order id has 32 hexadecimal digits"))
        }
        self = order
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
