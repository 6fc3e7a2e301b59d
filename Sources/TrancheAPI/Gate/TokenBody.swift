import TrancheCore

/// The body of a request for a purchase token.
package struct TokenBody: Hashable, Sendable, Codable {
    /// The longest body, in bytes: a solution, as base64, and a ticket.
    package static let byteLimit = 8 << 10

    /// Not needed in a lot where nobody waits.
    package let ticket: String?
    /// Not needed in a sale without challenges.
    package let solution: WorkAnswer?
    /// Instead of a solution: the answer to a challenge of another kind.
    package let answer: SealedAnswer?
    package init(ticket: String? = nil, solution: WorkAnswer? = nil, answer: SealedAnswer? = nil) {
        (self.ticket, self.solution, self.answer) = (ticket, solution, answer)
    }

    /// Reads a body; an empty one counts as `{}`.
    ///
    /// - Throws: ``Problem`` with code `invalid_json`, or `too_large`.
    package static func read(_ bytes: UnsafeRawBufferPointer) throws(Problem) -> TokenBody {
        if bytes.isEmpty { return TokenBody() }
        guard bytes.count <= self.byteLimit else {
            throw Problem(
                status: 413, code: "too_large", detail: "the body has \(bytes.count) bytes, at most \(self.byteLimit)")
        }
        let body: TokenBody
        if let plain = self.plain(bytes) { body = plain } else { body = try JSON.decode(TokenBody.self, from: bytes) }
        guard body.solution == nil || body.answer == nil else {
            throw Problem(
                status: 400, code: "bad_request", detail: "the body has a solution and an answer; one of them counts")
        }
        return body
    }

    package static func read(_ bytes: [UInt8]) throws(Problem) -> TokenBody {
        try bytes.withUnsafeBufferPointer { bytes throws(Problem) in try self.read(UnsafeRawBufferPointer(bytes)) }
    }

    /// The body, if it is as the page and the load generator write it; `nil` leaves it to the ordinary decoder.
    package static func plain(_ bytes: UnsafeRawBufferPointer) -> TokenBody? {
        var reader = PlainJSON(bytes)
        var ticket: String?
        var solution: WorkAnswer?
        var answer: SealedAnswer?
        let isRead = reader.object { name, reader in
            if name.isEqual("ticket"), ticket == nil {
                ticket = reader.text()
                return ticket != nil
            }
            if name.isEqual("answer"), answer == nil {
                answer = SealedAnswer.plain(&reader)
                return answer != nil
            }
            guard name.isEqual("solution"), solution == nil else { return false }
            solution = WorkAnswer.plain(&reader)
            return solution != nil
        }
        return isRead && reader.isAtEnd ? TokenBody(ticket: ticket, solution: solution, answer: answer) : nil
    }
}

extension SealedAnswer {
    fileprivate static func plain(_ reader: inout PlainJSON) -> SealedAnswer? {
        var (challenge, text): (String?, String?)
        let isRead = reader.object { name, reader in
            if name.isEqual("challenge"), challenge == nil {
                challenge = reader.text()
                return challenge != nil
            }
            guard name.isEqual("text"), text == nil else { return false }
            text = reader.text()
            return text != nil
        }
        guard isRead, let challenge else { return nil }
        return SealedAnswer(challenge: challenge, text: text)
    }
}

extension WorkAnswer {
    fileprivate static func plain(_ reader: inout PlainJSON) -> WorkAnswer? {
        var challenge: Challenge?
        var solution: Solution?
        let isRead = reader.object { name, reader in
            if name.isEqual("challenge"), challenge == nil {
                challenge = Challenge.plain(&reader)
                return challenge != nil
            }
            guard name.isEqual("solution"), solution == nil else { return false }
            solution = Solution.plain(&reader)
            return solution != nil
        }
        guard isRead, let challenge, let solution else { return nil }
        return WorkAnswer(challenge: challenge, solution: solution)
    }
}

extension WorkAnswer.Solution {
    fileprivate static func plain(_ reader: inout PlainJSON) -> Self? {
        var (counter, key): (Int64?, String?)
        let isRead = reader.object { name, reader in
            if name.isEqual("counter"), counter == nil {
                counter = reader.number()
                return counter != nil
            }
            guard name.isEqual("derivedKey"), key == nil else { return false }
            key = reader.text()
            return key != nil
        }
        guard isRead, let counter, let key else { return nil }
        return Self(counter: counter, derivedKey: key)
    }
}

extension Challenge {
    fileprivate static func plain(_ reader: inout PlainJSON) -> Challenge? {
        var (parameters, signature): (Parameters?, String?)
        let isRead = reader.object { name, reader in
            if name.isEqual("parameters"), parameters == nil {
                parameters = Parameters.plain(&reader)
                return parameters != nil
            }
            guard name.isEqual("signature"), signature == nil else { return false }
            signature = reader.text()
            return signature != nil
        }
        guard isRead, let parameters, let signature else { return nil }
        return Challenge(parameters: parameters, signature: signature)
    }
}

extension Challenge.Parameters {
    fileprivate static func plain(_ reader: inout PlainJSON) -> Self? {
        var texts: [String?] = Array(repeating: nil, count: 5)
        var numbers: [Int64?] = Array(repeating: nil, count: 3)
        var data: Challenge.Binding?
        func text(_ index: Int, _ reader: inout PlainJSON) -> Bool {
            guard texts[index] == nil, let text = reader.text() else { return false }
            texts[index] = text
            return true
        }
        func number(_ index: Int, _ reader: inout PlainJSON) -> Bool {
            guard numbers[index] == nil, let number = reader.number() else { return false }
            numbers[index] = number
            return true
        }
        let isRead = reader.object { name, reader in
            if name.isEqual("algorithm") { return text(0, &reader) }
            if name.isEqual("cost") { return number(0, &reader) }
            if name.isEqual("data"), data == nil {
                data = Challenge.Binding.plain(&reader)
                return data != nil
            }
            if name.isEqual("expiresAt") { return number(1, &reader) }
            if name.isEqual("keyLength") { return number(2, &reader) }
            if name.isEqual("keyPrefix") { return text(1, &reader) }
            if name.isEqual("keySignature") { return text(2, &reader) }
            if name.isEqual("nonce") { return text(3, &reader) }
            return name.isEqual("salt") && text(4, &reader)
        }
        guard isRead, let data, let algorithm = texts[0], let cost = numbers[0], let expiresAt = numbers[1],
            let length = numbers[2], let prefix = texts[1], let signature = texts[2], let nonce = texts[3],
            let salt = texts[4]
        else { return nil }
        return Self(
            algorithm: algorithm, cost: Int(cost), data: data, expiresAt: expiresAt, keyLength: Int(length),
            keyPrefix: prefix, keySignature: signature, nonce: nonce, salt: salt)
    }
}

extension Challenge.Binding {
    fileprivate static func plain(_ reader: inout PlainJSON) -> Self? {
        var (at, level, lot, session): (Int64?, Int64?, Int64?, String?)
        let isRead = reader.object { name, reader in
            if name.isEqual("at"), at == nil {
                at = reader.number()
                return at != nil
            }
            if name.isEqual("level"), level == nil {
                level = reader.number()
                return level != nil
            }
            if name.isEqual("lot"), lot == nil {
                lot = reader.number()
                return lot != nil
            }
            guard name.isEqual("session"), session == nil else { return false }
            session = reader.text()
            return session != nil
        }
        guard isRead, let at, let level, let lot = lot.flatMap({ UInt32(exactly: $0) }), let session else {
            return nil
        }
        return Self(at: at, level: Int(level), lot: LotID(lot), session: session)
    }
}
