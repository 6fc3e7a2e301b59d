import Crypto
import CryptoExtras

/// How much work a challenge asks for: `cost` rounds for each attempt, and a number of attempts.
///
/// A gate does one attempt to make a challenge, so `cost` is what a challenge costs the gate. A higher level asks for
/// more attempts and costs the gate the same.
package struct ChallengeWork: Hashable, Sendable {
    package enum Algorithm: String, Hashable, Sendable, CaseIterable {
        /// PBKDF2 with HMAC-SHA256 (RFC 8018): browsers have it.
        case pbkdf2 = "PBKDF2/SHA-256"
        /// SHA-256 of salt and password, then of each result again.
        case sha256 = "SHA-256"
    }

    package static let costs = 1...10_000
    package static let defaultCost = 100
    package static let levels = 0...5
    /// Attempts at level 0: from this number to twice as many. Each level doubles both.
    package static let attempts: UInt32 = 1_000

    package let algorithm: Algorithm
    package let cost: Int
    package let level: Int
    package let attempts: Range<UInt32>

    /// Values beyond a limit count as the limit.
    package init(cost: Int = ChallengeWork.defaultCost, level: Int = 0, algorithm: Algorithm = .pbkdf2) {
        self.algorithm = algorithm
        self.cost = min(max(Self.costs.lowerBound, cost), Self.costs.upperBound)
        self.level = min(max(Self.levels.lowerBound, level), Self.levels.upperBound)
        let first = Self.attempts << UInt32(self.level)
        self.attempts = first..<(2 * first)
    }
}

extension ChallengeWork.Algorithm {
    /// The key of one attempt.
    func key(nonce: [UInt8], salt: [UInt8], attempt: UInt32, cost: Int) -> [UInt8] {
        var password = nonce
        password.put(big: attempt)
        switch self {
        case .pbkdf2:
            let key = try? KDF.Insecure.PBKDF2.deriveKey(
                from: password, salt: salt, using: .sha256, outputByteCount: Challenge.keyBytes,
                unsafeUncheckedRounds: cost)
            guard let key else { preconditionFailure("PBKDF2 failed with \(cost) rounds") }
            return key.withUnsafeBytes { Array($0) }
        case .sha256:
            var digest = SHA256.hash(data: salt + password)
            for _ in 1..<max(2, cost) where cost > 1 {
                digest = digest.withUnsafeBytes { SHA256.hash(data: $0) }
            }
            return Array(digest)
        }
    }
}

/// Solves challenges as a browser does: for tests, and for the load generator.
package enum ChallengeSolver {
    /// - Parameter limit: The attempt at which it gives up.
    /// - Returns: `nil` if it gave up, or if the challenge is not one that it knows.
    package static func solve(
        _ challenge: Challenge, limit: UInt32 = (ChallengeWork.attempts << 1) << UInt32(ChallengeWork.levels.upperBound)
    ) -> WorkAnswer? {
        let parameters = challenge.parameters
        guard let algorithm = ChallengeWork.Algorithm(rawValue: parameters.algorithm),
            ChallengeWork.costs.contains(parameters.cost), parameters.keyLength == Challenge.keyBytes,
            let nonce = HexBytes.parse(parameters.nonce.utf8, count: Challenge.nonceBytes),
            let salt = HexBytes.parse(parameters.salt.utf8, count: Challenge.saltBytes),
            let prefix = HexBytes.parse(parameters.keyPrefix.utf8, count: Challenge.prefixBytes)
        else { return nil }
        for attempt in 0..<limit {
            let key = algorithm.key(nonce: nonce, salt: salt, attempt: attempt, cost: parameters.cost)
            guard key.starts(with: prefix) else { continue }
            return WorkAnswer(
                challenge: challenge, solution: .init(counter: Int64(attempt), derivedKey: HexBytes.text(key)))
        }
        return nil
    }
}
