package import TrancheCore

// What a gate answers to buyers. Times are milliseconds since 1970.

/// The answer to a proof of identity.
package struct SessionDocument: Hashable, Sendable, Codable {
    package let session: String
    package let buyer: BuyerID
    package let expiresAt: Int64
    package init(session: String, buyer: BuyerID, expiresAt: Instant) {
        self.session = session
        self.buyer = buyer
        self.expiresAt = expiresAt.milliseconds
    }

    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"buyer\":")
        bytes.write(json: self.buyer.rawValue)
        bytes.write(",\"expiresAt\":")
        bytes.write(decimal: self.expiresAt)
        bytes.write(",\"session\":")
        bytes.write(json: self.session)
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The answer to an entry into the line.
package struct EntryDocument: Hashable, Sendable, Codable {
    package let ticket: String
    /// 16 hexadecimal digits: who compares them as text compares ranks.
    package let rank: String
    package let challenge: Challenge?
    /// How many buyers are before this one, as the gate estimates it.
    package let ahead: Int?
    package init(ticket: String, rank: EntryRank, challenge: Challenge?, ahead: Int?) {
        self.ticket = ticket
        self.rank = rank.text
        self.challenge = challenge
        self.ahead = ahead
    }

    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"ahead\":")
        bytes.write(orNull: self.ahead)
        bytes.write(",\"challenge\":")
        if let challenge { challenge.write(into: &bytes) } else { bytes.write("null") }
        bytes.write(",\"rank\":")
        bytes.write(json: self.rank)
        bytes.write(",\"ticket\":")
        bytes.write(json: self.ticket)
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The answer to a request for another challenge; also in the refusal of an answer that came too fast.
package struct ChallengeDocument: Hashable, Sendable, Codable {
    package let challenge: Challenge
    package init(challenge: Challenge) { self.challenge = challenge }

    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"challenge\":")
        self.challenge.write(into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The answer to a request for a purchase token.
package struct TokenDocument: Hashable, Sendable, Codable {
    package let token: String
    package let order: OrderID
    package let expiresAt: Int64
    /// The address of the buyer's home unit.
    package let unit: String
    package init(token: String, order: OrderID, expiresAt: Instant, unit: String) {
        self.token = token
        self.order = order
        self.expiresAt = expiresAt.milliseconds
        self.unit = unit
    }

    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"expiresAt\":")
        bytes.write(decimal: self.expiresAt)
        bytes.write(",\"order\":\"")
        bytes.write(self.order)
        bytes.write("\",\"token\":")
        bytes.write(json: self.token)
        bytes.write(",\"unit\":")
        bytes.write(json: self.unit)
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The challenge of any kind that an answer to a buyer carries.
package enum OfferedChallenge: Hashable, Sendable {
    case work(Challenge)
    case sealed(SealedChallenge)

    func write(into bytes: inout [UInt8]) {
        switch self {
        case .work(let challenge): challenge.write(into: &bytes)
        case .sealed(let challenge): challenge.write(into: &bytes)
        }
    }

    /// Writes the answer to a request for a challenge.
    package func writeDocument(into bytes: inout [UInt8]) {
        bytes.write("{\"challenge\":")
        self.write(into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The answer to a request for a challenge of another kind than work.
package struct SealedChallengeDocument: Hashable, Sendable, Codable {
    package let challenge: SealedChallenge
    package init(challenge: SealedChallenge) { self.challenge = challenge }
}

/// The body of a request for a challenge; without a kind it is the one that the sale asks for.
package struct ChallengeBody: Hashable, Sendable, Codable {
    package static let byteLimit = 8 << 10
    package let kind: ChallengeKind?
    package init(kind: ChallengeKind? = nil) { self.kind = kind }

    /// - Throws: ``Problem`` with code `invalid_json`, or `too_large`.
    package static func read(_ bytes: UnsafeRawBufferPointer) throws(Problem) -> ChallengeBody {
        if bytes.isEmpty { return ChallengeBody() }
        guard bytes.count <= self.byteLimit else {
            throw Problem(
                status: 413, code: "too_large", detail: "the body has \(bytes.count) bytes, at most \(self.byteLimit)")
        }
        return try JSON.decode(ChallengeBody.self, from: bytes)
    }
}

/// A captcha provider's answer, as the page got it.
package struct ProviderBody: Hashable, Sendable, Codable {
    /// Providers' answers have up to some 2,000 characters.
    package static let byteLimit = 6 << 10
    package static let responseLimit = 4_096
    package let challenge: String
    package let response: String
    package init(challenge: String, response: String) { (self.challenge, self.response) = (challenge, response) }
}

/// The answer that a gate makes of a provider's yes.
package struct PassedDocument: Hashable, Sendable, Codable {
    package let answer: SealedAnswer
    package init(answer: SealedAnswer) { self.answer = answer }
}

/// The body of a sign-in for development.
package struct SignInBody: Hashable, Sendable, Codable {
    package let name: BuyerID
    package init(name: BuyerID) { self.name = name }
}

/// The answer to a sign-in for development: a JWT, as a shop would make it.
package struct SignInDocument: Hashable, Sendable, Codable {
    package let token: String
    package init(token: String) { self.token = token }
}

extension [UInt8] {
    mutating func write(orNull number: Int?) {
        if let number { self.write(decimal: number) } else { self.write("null") }
    }

    mutating func write(orNull text: String?) {
        if let text { self.write(json: text) } else { self.write("null") }
    }
}
