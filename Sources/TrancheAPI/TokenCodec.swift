import Crypto
package import TrancheCore

/// Why a token is refused.
package enum TokenError: Error, Hashable, Sendable {
    case missing
    case malformed(reason: String)
    case forged
    case early(notBefore: Instant)
    case expired(at: Instant)
    /// The buyer was blocked after the token was made.
    case blocked
    /// An operator has revoked the tokens of the sale since this one was made.
    case revoked(RevocationEpoch, current: RevocationEpoch)
    /// The token is for another lot than the address.
    case wrongLot(LotID, expected: LotID)
    /// The buyer's home is another unit.
    case wrongUnit(UnitID)
}

/// Makes and checks purchase tokens.
package struct TokenCodec: Sendable {
    package static let macBytes = 32
    /// The version of new tokens. Older versions are still read: a shop's token may be a week old.
    package static let version: UInt8 = 3
    private static let keyOffset = 1
    private static let epochOffset = 5
    /// Bytes before the order: version, key and epoch.
    private static let prefixBytes = 9
    /// Bytes from the order to the buyer's length.
    private static let claimsBytes = 47
    package static let fixedBytes = TokenCodec.prefixBytes + TokenCodec.claimsBytes
    /// The longest token in characters.
    package static let lengthLimit = (TokenCodec.fixedBytes + Limits.buyerBytes + TokenCodec.macBytes) * 4 / 3 + 4

    private struct Key {
        /// The number by which a token names the secret that made it.
        let id: UInt32
        /// The HMAC after its key was processed: this work is done once and not for each token.
        let keyed: HMAC<SHA256>

        init(_ secret: String) {
            let bytes = Array(secret.utf8)
            self.id = SHA256.hash(data: bytes).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
            self.keyed = HMAC(key: SymmetricKey(data: bytes))
        }

        func code(_ bytes: UnsafeRawBufferPointer) -> HMAC<SHA256>.MAC {
            var code = self.keyed
            code.update(data: bytes)
            return code.finalize()
        }
    }
    private let keys: [Key]

    package init(secret: String) { self.init(secrets: [secret]) }

    /// - Parameter secrets: At least one, the newest first. The newest one makes tokens; tokens by any of them are
    ///   accepted.
    package init(secrets: [String]) {
        precondition(!secrets.isEmpty, "the list of token secrets is empty")
        self.keys = secrets.map { Key($0) }
    }

    package func mint(_ token: PurchaseToken) -> String {
        var bytes: [UInt8] = [Self.version]
        bytes.reserveCapacity(Self.fixedBytes + token.buyer.rawValue.utf8.count + Self.macBytes)
        withUnsafeBytes(of: self.keys[0].id.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: token.epoch.rawValue.bigEndian) { bytes += $0 }
        for word in [token.order.high, token.order.low] { withUnsafeBytes(of: word.bigEndian) { bytes += $0 } }
        withUnsafeBytes(of: token.lot.rawValue.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: token.home.rawValue.bigEndian) { bytes += $0 }
        for instant in [token.issuedAt, token.notBefore, token.expiresAt] {
            withUnsafeBytes(of: instant.microseconds.bigEndian) { bytes += $0 }
        }
        bytes.append(UInt8(token.buyer.rawValue.utf8.count))
        bytes += token.buyer.rawValue.utf8
        bytes += bytes.withUnsafeBytes { self.keys[0].code($0) }
        return Base64URL.encode(bytes)
    }

    /// Checks form and signature, in constant time for equal lengths. Does not check time, lot or unit.
    package func open(_ text: some Collection<UInt8>) throws(TokenError) -> PurchaseToken {
        let bytes = Array(text)
        return try bytes.withUnsafeBufferPointer { bytes throws(TokenError) in
            try self.open(UnsafeRawBufferPointer(bytes))
        }
    }

    package func open(_ text: UnsafeRawBufferPointer) throws(TokenError) -> PurchaseToken {
        guard !text.isEmpty else { throw .missing }
        guard text.count <= Self.lengthLimit else {
            throw .malformed(reason: "longer than \(Self.lengthLimit) characters")
        }
        let result: Result<PurchaseToken, TokenError> = withUnsafeTemporaryAllocation(
            byteCount: Self.lengthLimit, alignment: 8
        ) { buffer in
            guard let count = Base64URL.decode(text, into: buffer) else {
                return .failure(.malformed(reason: "not base64url"))
            }
            do throws(TokenError) {
                return .success(try self.verify(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func verify(_ bytes: UnsafeRawBufferPointer) throws(TokenError) -> PurchaseToken {
        let shortest = Self.keyOffset + Self.claimsBytes + Self.macBytes
        guard bytes.count > shortest, let version = bytes.first else { throw .malformed(reason: "too short") }
        let start: Int
        switch version {
        case 1: start = Self.keyOffset
        case 2: start = Self.epochOffset
        case Self.version: start = Self.prefixBytes
        default: throw .malformed(reason: "version \(version) is unknown")
        }
        guard bytes.count > start + Self.claimsBytes + Self.macBytes else { throw .malformed(reason: "too short") }
        let signed = bytes.count - Self.macBytes
        let id = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.keyOffset, as: UInt32.self))
        let content = UnsafeRawBufferPointer(rebasing: bytes[..<signed])
        let mac = UnsafeRawBufferPointer(rebasing: bytes[signed...])
        // Codes are compared in constant time.
        let isGenuine = self.keys.contains { (version == 1 || $0.id == id) && $0.code(content) == mac }
        guard isGenuine else { throw .forged }
        return try self.decode(bytes, from: start, signed: signed)
    }

    private func decode(
        _ bytes: UnsafeRawBufferPointer, from start: Int, signed: Int
    ) throws(TokenError) -> PurchaseToken {
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self))
        }
        let buyerStart = start + Self.claimsBytes
        guard Int(bytes[buyerStart - 1]) == signed - buyerStart,
            let buyer = BuyerID(String(decoding: bytes[buyerStart..<signed], as: UTF8.self))
        else { throw .malformed(reason: "the length of the buyer's name is wrong") }
        let epoch: UInt32 =
            start == Self.prefixBytes ? bytes.loadUnaligned(fromByteOffset: Self.epochOffset, as: UInt32.self) : 0
        return PurchaseToken(
            order: OrderID(high: word(0), low: word(8)),
            lot: LotID(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 16, as: UInt32.self))),
            home: UnitID(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 20, as: UInt16.self))),
            buyer: buyer, issuedAt: Instant(microseconds: Int64(bitPattern: word(22))),
            notBefore: Instant(microseconds: Int64(bitPattern: word(30))),
            expiresAt: Instant(microseconds: Int64(bitPattern: word(38))),
            epoch: RevocationEpoch(UInt32(bigEndian: epoch)))
    }

    /// Checks a token's times, its lot against the lot of the address, and its home against the called unit.
    ///
    /// - Parameters:
    ///   - home: The buyer's home, if the token does not name one.
    ///   - terms: What the sale asks of tokens.
    package func check(
        _ token: PurchaseToken, home: UnitID? = nil, lot: LotID, unit: UnitID, terms: TokenTerms = .ordinary,
        now: Instant
    ) throws(TokenError) {
        try self.checkPlace(token, home: home ?? token.home, lot: lot, unit: unit)
        if let refusal = terms.refusal(of: token, now: now) { throw refusal }
    }

    package func checkPlace(_ token: PurchaseToken, home: UnitID, lot: LotID, unit: UnitID) throws(TokenError) {
        guard token.lot == lot else { throw .wrongLot(token.lot, expected: lot) }
        guard home == unit else { throw .wrongUnit(home) }
    }
}
