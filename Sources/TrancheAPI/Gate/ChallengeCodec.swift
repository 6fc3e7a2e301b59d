import Crypto
package import TrancheCore

/// Why a challenge's answer does not count.
package enum ChallengeError: Error, Hashable, Sendable {
    case forged
    case expired(at: Instant)
    case wrongSession
    case wrongLot(LotID, expected: LotID)
    /// The challenge is genuine, but of a kind that does not belong here.
    case wrongKind(SealedChallenge.Kind, expected: SealedChallenge.Kind)
    /// The key is not the one that the challenge asks for.
    case unsolved
}

/// A challenge that was answered correctly. Whether it was answered before is not known here.
package struct SolvedChallenge: Hashable, Sendable {
    /// Names the challenge: it counts once.
    package let nonce: String
    package let level: Int
    package let madeAt: Instant
    package let expiresAt: Instant
}

/// Makes challenges, and checks their answers. Nothing is stored: the signed challenge comes back with the answer.
package struct ChallengeCodec: Sendable {
    package static let lifetimeSeconds = 10...3_600
    private let signing: [HMAC<SHA256>]
    private let answers: [HMAC<SHA256>]

    package init(_ keys: GateKeys) { (self.signing, self.answers) = (keys.keyed(.challenge), keys.keyed(.answer)) }

    /// - Parameters:
    ///   - session: The id of the session that may answer.
    ///   - lifetimeSeconds: A value beyond a limit counts as the limit.
    package func make(
        session: UInt64, lot: LotID, work: ChallengeWork, lifetimeSeconds: Int = 600, now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> Challenge {
        var (nonce, salt): ([UInt8], [UInt8]) = ([], [])
        for _ in 0..<2 { nonce.put(big: generator.next()) }
        for _ in 0..<2 { salt.put(big: generator.next()) }
        let attempt = UInt32.random(in: work.attempts, using: &generator)
        let key = work.algorithm.key(nonce: nonce, salt: salt, attempt: attempt, cost: work.cost)
        let lifetime = min(max(Self.lifetimeSeconds.lowerBound, lifetimeSeconds), Self.lifetimeSeconds.upperBound)
        let parameters = Challenge.Parameters(
            algorithm: work.algorithm.rawValue, cost: work.cost,
            data: .init(at: now.milliseconds, level: work.level, lot: lot, session: Hex.text(session)),
            expiresAt: now.milliseconds / 1_000 + Int64(lifetime), keyLength: Challenge.keyBytes,
            keyPrefix: HexBytes.text(key.prefix(Challenge.prefixBytes)),
            keySignature: HexBytes.text(key.withUnsafeBytes { self.answers[0].code($0) }),
            nonce: HexBytes.text(nonce), salt: HexBytes.text(salt))
        return Challenge(
            parameters: parameters,
            signature: HexBytes.text(Self.canonical(parameters).withUnsafeBytes { self.signing[0].code($0) }))
    }

    /// Checks signatures, end, session and lot. It repeats no work, so a wrong answer costs no more than a right one.
    package func check(
        _ answer: WorkAnswer, session: UInt64, lot: LotID, now: Instant
    ) throws(ChallengeError) -> SolvedChallenge {
        let parameters = answer.challenge.parameters
        guard let signature = HexBytes.parse(answer.challenge.signature.utf8, count: GateSeal.macBytes) else {
            throw .forged
        }
        let isGenuine = Self.canonical(parameters).withUnsafeBytes { bytes in
            // Codes are compared in constant time.
            self.signing.contains { $0.code(bytes) == signature }
        }
        guard isGenuine else { throw .forged }
        guard parameters.data.session == Hex.text(session) else { throw .wrongSession }
        guard parameters.data.lot == lot else { throw .wrongLot(parameters.data.lot, expected: lot) }
        let expiresAt = Instant(milliseconds: parameters.expiresAt * 1_000)
        guard now < expiresAt else { throw .expired(at: expiresAt) }
        guard let key = HexBytes.parse(answer.solution.derivedKey.utf8, count: Challenge.keyBytes),
            let expected = HexBytes.parse(parameters.keySignature.utf8, count: GateSeal.macBytes),
            key.withUnsafeBytes({ key in self.answers.contains { $0.code(key) == expected } })
        else { throw .unsolved }
        return SolvedChallenge(
            nonce: parameters.nonce, level: parameters.data.level,
            madeAt: Instant(milliseconds: parameters.data.at), expiresAt: expiresAt)
    }

    private static func canonical(_ parameters: Challenge.Parameters) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        parameters.write(into: &bytes)
        return bytes
    }
}
