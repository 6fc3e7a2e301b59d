import Crypto
package import TrancheCore

/// A task that costs a browser some work: the proof of work of ALTCHA, version 2 (altcha.org), in its deterministic
/// mode. The key of one attempt is KDF(password: nonce and attempt, salt), where the attempt is a big-endian number of
/// four bytes. The browser tries 0, 1, 2 and so on until a key begins with `keyPrefix`.
package struct Challenge: Hashable, Sendable, Codable {
    /// What the challenge is bound to. The format allows it as additional data, and the signature covers it.
    package struct Binding: Hashable, Sendable, Codable {
        /// When it was made, in milliseconds since 1970.
        package let at: Int64
        package let level: Int
        package let lot: LotID
        /// The id of the session, in 16 hexadecimal digits.
        package let session: String
    }

    /// Bytes as lower-case hexadecimal digits.
    package struct Parameters: Hashable, Sendable, Codable {
        package let algorithm: String
        package let cost: Int
        package let data: Binding
        /// In seconds since 1970, as the format wants it.
        package let expiresAt: Int64
        package let keyLength: Int
        package let keyPrefix: String
        /// HMAC-SHA256 of the whole key. With it a gate checks an answer without repeating the work.
        package let keySignature: String
        package let nonce: String
        package let salt: String
    }

    package static let nonceBytes = 16
    package static let saltBytes = 16
    package static let keyBytes = 32
    /// So long a prefix has one solution only.
    package static let prefixBytes = 16

    package let parameters: Parameters
    /// HMAC-SHA256 of the parameters in canonical JSON.
    package let signature: String

    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"parameters\":")
        self.parameters.write(into: &bytes)
        bytes.write(",\"signature\":")
        bytes.write(json: self.signature)
        bytes.append(UInt8(ascii: "}"))
    }
}

extension Challenge.Parameters {
    /// The canonical JSON, which is signed: names in order, no spaces.
    func write(into bytes: inout [UInt8]) {
        bytes.write("{\"algorithm\":")
        bytes.write(json: self.algorithm)
        bytes.write(",\"cost\":")
        bytes.write(decimal: self.cost)
        bytes.write(",\"data\":{\"at\":")
        bytes.write(decimal: self.data.at)
        bytes.write(",\"level\":")
        bytes.write(decimal: self.data.level)
        bytes.write(",\"lot\":")
        bytes.write(decimal: self.data.lot.rawValue)
        bytes.write(",\"session\":")
        bytes.write(json: self.data.session)
        bytes.write("},\"expiresAt\":")
        bytes.write(decimal: self.expiresAt)
        bytes.write(",\"keyLength\":")
        bytes.write(decimal: self.keyLength)
        bytes.write(",\"keyPrefix\":")
        bytes.write(json: self.keyPrefix)
        bytes.write(",\"keySignature\":")
        bytes.write(json: self.keySignature)
        bytes.write(",\"nonce\":")
        bytes.write(json: self.nonce)
        bytes.write(",\"salt\":")
        bytes.write(json: self.salt)
        bytes.append(UInt8(ascii: "}"))
    }
}

/// A browser's answer, with the challenge that it answers.
package struct WorkAnswer: Hashable, Sendable {
    package struct Solution: Hashable, Sendable, Codable {
        /// The attempt that succeeded.
        package let counter: Int64
        package let derivedKey: String
        package init(counter: Int64, derivedKey: String) { (self.counter, self.derivedKey) = (counter, derivedKey) }
    }
    /// The longest answer, as JSON, in bytes. One of ours has less than 700.
    package static let byteLimit = 4_096

    package let challenge: Challenge
    package let solution: Solution
    package init(challenge: Challenge, solution: Solution) {
        (self.challenge, self.solution) = (challenge, solution)
    }
}
