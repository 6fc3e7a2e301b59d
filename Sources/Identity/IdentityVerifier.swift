import Foundation
import JWTKit
import TrancheAPI
package import TrancheCore

/// What the shop says about a buyer.
package struct VerifiedIdentity: Hashable, Sendable {
    package let claims: GateClaims
    package let expiresAt: Instant
}

/// Checks the shop's proofs of identity: signed JSON Web Tokens (RFC 7519).
///
/// The claims are `sub` (the buyer), `iss`, `aud`, `exp`, and optionally `nbf`, `tranche_level` (a whole number),
/// `tranche_member` (true or false), `tranche_created` (when the account was made, in seconds since 1970) and
/// `tranche_region` (whose units sell to the buyer).
package struct IdentityVerifier: Sendable {
    package static let byteLimit = 8 << 10
    private static let audienceLimit = 16

    private let keys: IdentityKeys
    private let issuer: String
    let audience: String
    private let toleranceSeconds: Int64

    /// - Parameter toleranceSeconds: How far the shop's clock may be off.
    package init(keys: IdentityKeys, issuer: String, audience: String, toleranceSeconds: Int = 0) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.toleranceSeconds = Int64(toleranceSeconds)
    }

    /// Checks signature, issuer, audience, times and claims, in this order: nothing of an unsigned text is believed.
    package func verify(_ text: some Collection<UInt8>, now: Instant) throws(IdentityError) -> VerifiedIdentity {
        try self.check(try self.read(Claims.self, from: text), now: now)
    }

    /// The claims of a token whose signature is good.
    func read<Value: Decodable>(_ type: Value.Type, from text: some Collection<UInt8>) throws(IdentityError) -> Value {
        guard !text.isEmpty else { throw .missing }
        guard text.count <= Self.byteLimit else { throw .tooLong(bytes: text.count, limit: Self.byteLimit) }
        let parts = Array(text).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed(reason: "it has \(parts.count) parts, not 3") }
        let header = try Self.read(Header.self, "header", parts[0])
        // The algorithm comes from the key, and the header only has to agree: who could choose it could take a public
        // key for a shared secret.
        guard let name = header.alg else { throw .malformed(reason: "its header names no algorithm") }
        guard let algorithm = IdentityAlgorithm(rawValue: name) else { throw .algorithm(name) }
        guard header.crit == nil else { throw .malformed(reason: "its header has \"crit\", which is not supported") }
        let (id, key) = try self.keys.key(header.kid)
        guard key.algorithm == algorithm else {
            throw .algorithmOfKey(name, key: id, expected: key.algorithm.rawValue)
        }
        guard let signature = Base64URL.decode(parts[2]) else {
            throw .malformed(reason: "its signature is not base64url")
        }
        let signed = parts[0] + [UInt8(ascii: ".")] + parts[1]
        guard (try? key.check.verify(signature, signs: signed)) == true else { throw .forged }
        return try Self.read(type, "claims", parts[1])
    }

    private struct Header: Decodable {
        let alg: String?
        let kid: String?
        let crit: [String]?
    }

    private static func read<Value: Decodable>(
        _ type: Value.Type, _ what: String, _ part: ArraySlice<UInt8>
    ) throws(IdentityError) -> Value {
        guard let bytes = Base64URL.decode(part) else { throw .malformed(reason: "its \(what) is not base64url") }
        do { return try JSON.decode(type, from: bytes) } catch {
            throw .malformed(reason: "its \(what) cannot be read: \(error.detail)")
        }
    }

    /// Checks issuer, audience and times.
    ///
    /// - Returns: When the token expires, in seconds since 1970.
    func checkFrame(_ claims: FrameClaims, now: Instant) throws(IdentityError) -> Int64 {
        guard claims.iss == self.issuer else { throw .wrongIssuer(claims.iss, expected: self.issuer) }
        let audience = claims.aud?.names ?? []
        guard audience.count <= Self.audienceLimit else {
            throw .badClaim("aud", reason: "it names \(audience.count), at most \(Self.audienceLimit)")
        }
        guard audience.contains(self.audience) else { throw .wrongAudience(audience, expected: self.audience) }
        guard let end = claims.exp else { throw .missingClaim("exp") }
        let expiresAt = try Self.seconds("exp", end)
        let seconds = now.milliseconds / 1_000
        guard seconds < expiresAt + self.toleranceSeconds else { throw .expired(at: expiresAt) }
        if let start = claims.nbf {
            let notBefore = try Self.seconds("nbf", start)
            guard seconds >= notBefore - self.toleranceSeconds else { throw .early(notBefore: notBefore) }
        }
        return expiresAt
    }

    private func check(_ claims: Claims, now: Instant) throws(IdentityError) -> VerifiedIdentity {
        let expiresAt = try self.checkFrame(claims.frame, now: now)
        guard let subject = claims.sub else { throw .missingClaim("sub") }
        guard let buyer = BuyerID(subject) else { throw .badClaim("sub", reason: "a buyer has \(BuyerID.rule)") }
        let level = claims.trancheLevel ?? 0
        let levels = 0...SessionCodec.levelLimit
        guard levels.contains(level) else { throw .badClaim("tranche_level", reason: "\(level) is not in \(levels)") }
        let created = try claims.trancheCreated.map { seconds throws(IdentityError) in
            try Self.seconds("tranche_created", seconds)
        }
        let region = claims.trancheRegion
        guard region.map({ (1...Limits.regionBytes).contains($0.utf8.count) }) ?? true else {
            throw .badClaim("tranche_region", reason: "a region has 1 to \(Limits.regionBytes) bytes")
        }
        return VerifiedIdentity(
            claims: GateClaims(
                buyer: buyer, level: level, isMember: claims.trancheMember ?? false,
                accountCreatedAt: created.map { Instant(milliseconds: $0 * 1_000) }, region: region),
            expiresAt: Instant(milliseconds: expiresAt * 1_000))
    }

    /// A number of seconds since 1970, which may have a fraction. Up to the year 9999.
    private static func seconds(_ claim: String, _ value: Double) throws(IdentityError) -> Int64 {
        let seconds: ClosedRange<Double> = 0...253_402_300_799
        guard seconds.contains(value) else {
            throw .badClaim(claim, reason: "\(value) is not in 0...\(Int64(seconds.upperBound)) seconds")
        }
        return Int64(value)
    }
}

/// The claims that every token has.
struct FrameClaims: Decodable {
    /// One name, or a list of names.
    struct Audience: Decodable {
        let names: [String]
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                self.names = [name]
            } else {
                self.names = try container.decode([String].self)
            }
        }
    }
    let iss: String?
    let aud: Audience?
    let exp: Double?
    let nbf: Double?
}

private struct Claims: Decodable {
    private enum CodingKeys: String, CodingKey {
        case sub
        case trancheLevel = "tranche_level"
        case trancheMember = "tranche_member"
        case trancheCreated = "tranche_created"
        case trancheRegion = "tranche_region"
    }
    let frame: FrameClaims
    let sub: String?
    let trancheLevel: Int?
    let trancheMember: Bool?
    let trancheCreated: Double?
    let trancheRegion: String?

    init(from decoder: any Decoder) throws {
        self.frame = try FrameClaims(from: decoder)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.sub = try values.decodeIfPresent(String.self, forKey: .sub)
        self.trancheLevel = try values.decodeIfPresent(Int.self, forKey: .trancheLevel)
        self.trancheMember = try values.decodeIfPresent(Bool.self, forKey: .trancheMember)
        self.trancheCreated = try values.decodeIfPresent(Double.self, forKey: .trancheCreated)
        self.trancheRegion = try values.decodeIfPresent(String.self, forKey: .trancheRegion)
    }
}
