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
        var single = algorithm == .pbkdf2 && parameters.cost == 1 ? SingleRound(nonce: nonce, salt: salt) : nil
        for attempt in 0..<limit {
            if single != nil {
                guard single!.begins(with: prefix, attempt: attempt) else { continue }
            }
            let key = algorithm.key(nonce: nonce, salt: salt, attempt: attempt, cost: parameters.cost)
            guard key.starts(with: prefix) else { continue }
            return WorkAnswer(
                challenge: challenge, solution: .init(counter: Int64(attempt), derivedKey: HexBytes.text(key)))
        }
        return nil
    }
}

/// PBKDF2 with one round, HMAC-SHA256(password, salt and the number 1), without an allocation for each attempt: a load
/// generator solves for thousands of browsers.
private struct SingleRound {
    private static let blockBytes = 64
    /// The padded password, and what is hashed behind it.
    private var inner: [UInt8]
    private var outer: [UInt8]
    private let attemptAt: Int

    init(nonce: [UInt8], salt: [UInt8]) {
        precondition(nonce.count + 4 <= Self.blockBytes, "a password of \(nonce.count + 4) bytes")
        let password = nonce + [UInt8](repeating: 0, count: Self.blockBytes - nonce.count)
        self.inner = password.map { $0 ^ 0x36 } + salt + [0, 0, 0, 1]
        self.outer = password.map { $0 ^ 0x5C } + [UInt8](repeating: 0, count: SHA256.byteCount)
        self.attemptAt = nonce.count
    }

    mutating func begins(with prefix: [UInt8], attempt: UInt32) -> Bool {
        for index in 0..<4 {
            let byte = UInt8(truncatingIfNeeded: attempt >> UInt32(24 - 8 * index))
            self.inner[self.attemptAt + index] = byte ^ 0x36
            self.outer[self.attemptAt + index] = byte ^ 0x5C
        }
        let digest = self.inner.withUnsafeBytes { Self.hash($0) }
        self.outer.withUnsafeMutableBytes { outer in
            digest.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: outer[Self.blockBytes...]).copyMemory(from: $0)
            }
        }
        let key = self.outer.withUnsafeBytes { Self.hash($0) }
        return key.withUnsafeBytes { $0.starts(with: prefix) }
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> SHA256.Digest {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return hash.finalize()
    }
}
