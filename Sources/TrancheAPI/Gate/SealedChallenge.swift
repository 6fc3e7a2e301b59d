package import TrancheCore

/// A challenge that is not work: a signed text, with what the buyer needs to answer it.
package struct SealedChallenge: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// The picture of a sum.
        case question
        /// A captcha provider of the shop puts the question.
        case provider
        /// The buyer waits until `readyAt`.
        case clock
        /// What a gate makes of a provider's yes: the answer to a challenge of the kind `provider`.
        case passed
    }

    /// What the page needs to show a provider's question.
    package struct Widget: Hashable, Sendable, Codable {
        /// The address of the provider's script.
        package let script: String
        /// The class of the element that the script fills.
        package let name: String
        package let siteKey: String
        package init(script: String, name: String, siteKey: String) {
            (self.script, self.name, self.siteKey) = (script, name, siteKey)
        }
    }

    package let kind: Kind
    /// Comes back with the answer.
    package let challenge: String
    /// Milliseconds since 1970: an answer before it is too early.
    package let readyAt: Int64
    /// Milliseconds since 1970.
    package let expiresAt: Int64
    /// The picture of a question, as a `data:` address.
    package internal(set) var picture: String?
    package var widget: Widget?

    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"challenge\":")
        bytes.write(json: self.challenge)
        bytes.write(",\"expiresAt\":")
        bytes.write(decimal: self.expiresAt)
        bytes.write(",\"kind\":")
        bytes.write(json: self.kind.rawValue)
        if let picture {
            bytes.write(",\"picture\":")
            bytes.write(json: picture)
        }
        bytes.write(",\"readyAt\":")
        bytes.write(decimal: self.readyAt)
        if let widget {
            bytes.write(",\"widget\":{\"name\":")
            bytes.write(json: widget.name)
            bytes.write(",\"script\":")
            bytes.write(json: widget.script)
            bytes.write(",\"siteKey\":")
            bytes.write(json: widget.siteKey)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The answer to a challenge that is not work.
package struct SealedAnswer: Hashable, Sendable, Codable {
    /// The longest answer of a buyer, in bytes.
    package static let textLimit = 64

    /// The signed text of the challenge.
    package let challenge: String
    /// What the buyer typed; not needed for a clock.
    package let text: String?
    package init(challenge: String, text: String? = nil) { (self.challenge, self.text) = (challenge, text) }
}

/// A genuine challenge with its answer. Whether it was answered before is not known here.
package struct AnsweredChallenge: Hashable, Sendable {
    package let kind: SealedChallenge.Kind
    /// Names the challenge: it counts once.
    package let nonce: String
    package let level: Int
    package let madeAt: Instant
    package let readyAt: Instant
    package let expiresAt: Instant
    /// Only a question has wrong answers.
    package let isRight: Bool
}
