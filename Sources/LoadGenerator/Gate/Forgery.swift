package import TrancheAPI

/// Texts that look like the gates' and units' own, and are not.
///
/// Sessions, entry tickets and tokens are base64url of bytes that end with a code over the others.
package enum Forgery {
    static let macBytes = 32

    /// Random bytes in the right form.
    package static func invented(bytes: Int, using generator: inout some RandomNumberGenerator) -> String {
        Base64URL.encode((0..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// The text with one bit changed; `nil` for a text that is not base64url.
    package static func flipped(_ text: String, using generator: inout some RandomNumberGenerator) -> String? {
        guard var bytes = Base64URL.decode(text.utf8), !bytes.isEmpty else { return nil }
        let bit = Int.random(in: 0..<bytes.count * 8, using: &generator)
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return Base64URL.encode(bytes)
    }

    /// The content of one text with the code of another one; `nil` if that is no forgery, or if one is too short.
    package static func spliced(_ content: String, _ code: String) -> String? {
        guard let first = Base64URL.decode(content.utf8), let second = Base64URL.decode(code.utf8),
            first.count > self.macBytes, second.count > self.macBytes,
            first.suffix(self.macBytes) != second.suffix(self.macBytes)
        else { return nil }
        return Base64URL.encode(Array(first.dropLast(self.macBytes) + second.suffix(self.macBytes)))
    }

    /// An answer that nobody worked for.
    package static func guessed(_ challenge: Challenge) -> WorkAnswer {
        WorkAnswer(
            challenge: challenge,
            solution: .init(counter: 0, derivedKey: challenge.parameters.keyPrefix + challenge.parameters.keyPrefix))
    }

    /// A challenge whose signature has another last digit; `nil` if it cannot be written.
    package static func resigned(_ challenge: Challenge) -> Challenge? {
        let signature = challenge.signature
        let other = signature.dropLast() + (signature.last == "0" ? "1" : "0")
        let text = String(decoding: JSON.encode(challenge), as: UTF8.self)
            .replacing("\"\(signature)\"", with: "\"\(other)\"")
        return try? JSON.decode(Challenge.self, from: text.utf8)
    }
}
