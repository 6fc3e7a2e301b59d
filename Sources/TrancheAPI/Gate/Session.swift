package import TrancheCore

/// A buyer who proved to a gate who they are. It is made from the shop's signed identity, and is cheaper to check.
///
/// Wire form: base64url of `version(1) id(8) level(4) member(1) addressClass(1) created(8) issuedAt(8) expiresAt(8)
/// length(1) region length(1) buyer mac(32)`, numbers big-endian, times in microseconds, `created` 0 if not known.
package struct Session: Hashable, Sendable {
    /// Drawn for each session: challenges are bound to it, and suspicion is counted for it.
    package let id: UInt64
    package let claims: GateClaims
    /// The kind of network from which the session was asked for, as the gate numbers them; 0 if it does not.
    package let addressClass: UInt8
    package let issuedAt: Instant
    package let expiresAt: Instant
    package var buyer: BuyerID { self.claims.buyer }

    package init(id: UInt64, claims: GateClaims, addressClass: UInt8 = 0, issuedAt: Instant, expiresAt: Instant) {
        self.id = id
        self.claims = claims
        self.addressClass = addressClass
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}

/// Makes and checks sessions.
package struct SessionCodec: Sendable {
    package static let version: UInt8 = 1
    /// The highest level of a buyer; a higher one counts as this one.
    package static let levelLimit = 1_000_000
    /// Bytes before the length of the buyer's name.
    private static let fixedBytes = 39
    private let seal: GateSeal

    package init(_ keys: GateKeys) {
        self.seal = GateSeal(keys, .session, contentLimit: Self.fixedBytes + 2 + Limits.regionBytes + Limits.buyerBytes)
    }

    /// The longest session in characters.
    package var lengthLimit: Int { self.seal.lengthLimit }

    package func seal(_ session: Session) -> String {
        var content: [UInt8] = [Self.version]
        content.reserveCapacity(Self.fixedBytes + 1 + Limits.buyerBytes + GateSeal.macBytes)
        content.put(big: session.id)
        content.put(big: UInt32(min(max(0, session.claims.level), Self.levelLimit)))
        content.append(session.claims.isMember ? 1 : 0)
        content.append(session.addressClass)
        for instant in [session.claims.accountCreatedAt ?? .distantPast, session.issuedAt, session.expiresAt] {
            content.put(big: instant.microseconds)
        }
        let region = (session.claims.region ?? "").utf8.prefix(Limits.regionBytes)
        content.append(UInt8(region.count))
        content += region
        SealedBuyer.put(session.buyer, into: &content)
        return self.seal.seal(content)
    }

    /// Checks form, signature and end.
    package func open(_ text: some Collection<UInt8>, now: Instant) throws(SealError) -> Session {
        let bytes = Array(text)
        return try bytes.withUnsafeBufferPointer { bytes throws(SealError) in
            try self.open(UnsafeRawBufferPointer(bytes), now: now)
        }
    }

    package func open(_ text: UnsafeRawBufferPointer, now: Instant) throws(SealError) -> Session {
        let session = try self.seal.open(text) { Self.read($0) }
        guard now < session.expiresAt else { throw .expired(at: session.expiresAt) }
        return session
    }

    private static func read(_ content: UnsafeRawBufferPointer) -> Result<Session, SealError> {
        if let fault = SealedBuyer.check(version: self.version, content, fixedBytes: self.fixedBytes) {
            return .failure(fault)
        }
        func instant(_ offset: Int) -> Instant { Instant(microseconds: content.big(Int64.self, at: offset)) }
        let start = self.fixedBytes + 1 + Int(content[self.fixedBytes])
        guard content.count > start else { return .failure(.malformed(reason: "the length of the region is wrong")) }
        let region = String(decoding: content[(self.fixedBytes + 1)..<start], as: UTF8.self)
        return SealedBuyer.take(from: content, at: start).map { buyer in
            let claims = GateClaims(
                buyer: buyer, level: Int(content.big(UInt32.self, at: 9)), isMember: content[13] == 1,
                accountCreatedAt: instant(15) == .distantPast ? nil : instant(15),
                region: region.isEmpty ? nil : region)
            return Session(
                id: content.big(UInt64.self, at: 1), claims: claims, addressClass: content[14],
                issuedAt: instant(23), expiresAt: instant(31))
        }
    }
}
