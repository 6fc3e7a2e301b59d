package import TrancheCore

/// Allows one buyer one order of one lot at one unit.
///
/// Wire form: base64url of
/// `version(1) key(4) epoch(4) order(16) lot(4) home(2) issuedAt(8) notBefore(8) expiresAt(8) length(1) buyer mac(32)`,
/// numbers big-endian, times in microseconds, `mac` = HMAC-SHA256 (RFC 2104) over all before it. `key` identifies the
/// secret that made the token: the first four bytes of the secret's SHA-256. This is version 3. Version 2 has no
/// `epoch`, version 1 has no `key` either; both are still read, as tokens of the first epoch.
package struct PurchaseToken: Hashable, Sendable {
    package let order: OrderID
    package let lot: LotID
    /// The buyer's home unit, or ``noHome``: then it is computed, from the buyer and the units of the sale.
    package let home: UnitID
    package let buyer: BuyerID
    package let issuedAt: Instant
    package let notBefore: Instant
    package let expiresAt: Instant
    /// How often the sale's tokens had been revoked when this one was made.
    package let epoch: RevocationEpoch

    package static let noHome = UnitID(0)

    package init(
        order: OrderID, lot: LotID, home: UnitID, buyer: BuyerID, issuedAt: Instant, notBefore: Instant,
        expiresAt: Instant, epoch: RevocationEpoch = .first
    ) {
        self.order = order
        self.lot = lot
        self.home = home
        self.buyer = buyer
        self.issuedAt = issuedAt
        self.notBefore = notBefore
        self.expiresAt = expiresAt
        self.epoch = epoch
    }
}
