import Crypto
import Foundation
package import TrancheCore

/// Makes challenges that are not work, and checks their answers. Nothing is stored: the signed challenge comes back with
/// the answer.
///
/// Wire form: base64url of `version(1) kind(1) level(1) nonce(16) session(8) lot(4) at(8) readyAt(8) expiresAt(8)
/// answer(0 or 32) mac(32)`, numbers big-endian, times in microseconds. `answer` is HMAC-SHA256(key of answers, kind,
/// nonce, answer): a plain digest of a number with three digits would give the number away.
package struct SealedChallengeCodec: Sendable {
    package static let version: UInt8 = 1
    package static let lifetimeSeconds = 600
    /// The longest wait of a clock, in milliseconds: there must be time left to answer.
    package static let waitLimit: Int64 = 60_000
    private static let nonceBytes = 16
    private static let fixedBytes = 55
    private let seal: GateSeal
    private let answers: [HMAC<SHA256>]

    package init(_ keys: GateKeys) {
        self.seal = GateSeal(keys, .sealed, contentLimit: Self.fixedBytes + GateSeal.macBytes)
        self.answers = keys.keyed(.sealedAnswer)
    }

    /// The longest challenge, in characters.
    package var lengthLimit: Int { self.seal.lengthLimit }

    /// The picture of a sum.
    package func makeQuestion(
        session: UInt64, lot: LotID, level: Int, now: Instant, using generator: inout some RandomNumberGenerator
    ) -> SealedChallenge {
        let question = ArithmeticQuestion(level: level, using: &generator)
        let picture = QuestionPicture.draw(question.symbols, using: &generator)
        let fields = Fields(.question, level: level, session: session, lot: lot, now: now, using: &generator)
        var challenge = self.seal(fields, answer: question.answer)
        challenge.picture = "data:image/bmp;base64," + Data(picture.bitmap).base64EncodedString()
        return challenge
    }

    /// A challenge that a captcha provider puts.
    package func makeProvider(
        session: UInt64, lot: LotID, widget: SealedChallenge.Widget, now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> SealedChallenge {
        var challenge = self.seal(Fields(.provider, level: 0, session: session, lot: lot, now: now, using: &generator))
        challenge.widget = widget
        return challenge
    }

    /// - Parameter waitMilliseconds: A value beyond ``waitLimit`` counts as the limit.
    package func makeClock(
        session: UInt64, lot: LotID, waitMilliseconds: Int64, now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> SealedChallenge {
        var fields = Fields(.clock, level: 0, session: session, lot: lot, now: now, using: &generator)
        fields.readyAt = now.advanced(milliseconds: min(max(0, waitMilliseconds), Self.waitLimit))
        return self.seal(fields)
    }

    /// What a provider's yes is worth: the same challenge, answered. It is spent once, like every other one.
    package func pass(
        _ text: String, session: UInt64, lot: LotID, now: Instant
    ) throws(ChallengeError) -> SealedAnswer {
        var fields = try self.open(text, session: session, lot: lot, now: now).fields
        guard fields.kind == .provider else { throw .wrongKind(fields.kind, expected: .provider) }
        fields.kind = .passed
        return SealedAnswer(challenge: self.seal(fields).challenge)
    }

    /// Checks signature, session, lot and end, and whether the answer is right.
    package func check(
        _ answer: SealedAnswer, session: UInt64, lot: LotID, now: Instant
    ) throws(ChallengeError) -> AnsweredChallenge {
        let (fields, code) = try self.open(answer.challenge, session: session, lot: lot, now: now)
        let isRight: Bool
        switch fields.kind {
        case .clock, .passed: isRight = true
        case .provider: throw .unsolved
        case .question: isRight = self.isRight(answer.text, fields, code)
        }
        return AnsweredChallenge(
            kind: fields.kind, nonce: HexBytes.text(fields.nonce), level: fields.level, madeAt: fields.at,
            readyAt: fields.readyAt, expiresAt: fields.expiresAt, isRight: isRight)
    }

    private func isRight(_ text: String?, _ fields: Fields, _ code: [UInt8]) -> Bool {
        guard let text, text.utf8.count <= SealedAnswer.textLimit, let number = ArithmeticQuestion.number(text) else {
            return false
        }
        // Codes are compared in constant time.
        return fields.answered(number).withUnsafeBytes { bytes in
            self.answers.contains { $0.code(bytes) == code }
        }
    }

    private func seal(_ fields: Fields, answer: Int? = nil) -> SealedChallenge {
        var content = fields.bytes
        if let answer { content += fields.answered(answer).withUnsafeBytes { Array(self.answers[0].code($0)) } }
        return SealedChallenge(
            kind: fields.kind, challenge: self.seal.seal(content), readyAt: fields.readyAt.milliseconds,
            expiresAt: fields.expiresAt.milliseconds)
    }

    private func open(
        _ text: String, session: UInt64, lot: LotID, now: Instant
    ) throws(ChallengeError) -> (fields: Fields, answer: [UInt8]) {
        let bytes = Array(text.utf8)
        let opened: (fields: Fields, answer: [UInt8])
        do throws(SealError) {
            opened = try bytes.withUnsafeBytes { bytes in
                Result { () throws(SealError) in try self.seal.open(bytes) { Fields.read($0) } }
            }.get()
        } catch { throw .forged }
        guard opened.fields.session == session else { throw .wrongSession }
        guard opened.fields.lot == lot else { throw .wrongLot(opened.fields.lot, expected: lot) }
        guard now < opened.fields.expiresAt else { throw .expired(at: opened.fields.expiresAt) }
        return opened
    }
}

extension SealedChallengeCodec {
    /// The signed fields.
    private struct Fields {
        var kind: SealedChallenge.Kind
        let level: Int
        let nonce: [UInt8]
        let session: UInt64
        let lot: LotID
        let at: Instant
        var readyAt: Instant
        let expiresAt: Instant

        init(
            _ kind: SealedChallenge.Kind, level: Int, session: UInt64, lot: LotID, now: Instant,
            using generator: inout some RandomNumberGenerator
        ) {
            var nonce: [UInt8] = []
            for _ in 0..<(SealedChallengeCodec.nonceBytes / 8) { nonce.put(big: generator.next()) }
            (self.kind, self.level, self.nonce) = (kind, min(max(0, level), 255), nonce)
            (self.session, self.lot, self.at, self.readyAt) = (session, lot, now, now)
            self.expiresAt = now.advanced(milliseconds: 1_000 * Int64(SealedChallengeCodec.lifetimeSeconds))
        }

        var bytes: [UInt8] {
            var bytes: [UInt8] = [SealedChallengeCodec.version, self.kind.number, UInt8(self.level)]
            bytes += self.nonce
            bytes.put(big: self.session)
            bytes.put(big: self.lot.rawValue)
            for instant in [self.at, self.readyAt, self.expiresAt] { bytes.put(big: instant.microseconds) }
            return bytes
        }

        /// What the code of an answer covers.
        func answered(_ number: Int) -> [UInt8] { [self.kind.number] + self.nonce + Array(String(number).utf8) }

        static func read(_ content: UnsafeRawBufferPointer) -> Result<(fields: Fields, answer: [UInt8]), SealError> {
            guard content.count >= SealedChallengeCodec.fixedBytes else {
                return .failure(.malformed(reason: "too short"))
            }
            guard content[0] == SealedChallengeCodec.version,
                let kind = SealedChallenge.Kind.allCases.first(where: { $0.number == content[1] })
            else { return .failure(.malformed(reason: "version \(content[0]), kind \(content[1])")) }
            let answer = Array(content[SealedChallengeCodec.fixedBytes...])
            guard answer.count == (kind == .question ? GateSeal.macBytes : 0) else {
                return .failure(.malformed(reason: "an answer of \(answer.count) bytes"))
            }
            return .success((Fields(kind, content), answer))
        }

        /// Reads content whose length was checked.
        private init(_ kind: SealedChallenge.Kind, _ content: UnsafeRawBufferPointer) {
            func instant(_ offset: Int) -> Instant { Instant(microseconds: content.big(Int64.self, at: offset)) }
            (self.kind, self.level, self.nonce) = (kind, Int(content[2]), Array(content[3..<19]))
            self.session = content.big(UInt64.self, at: 19)
            self.lot = LotID(content.big(UInt32.self, at: 27))
            (self.at, self.readyAt, self.expiresAt) = (instant(31), instant(39), instant(47))
        }
    }
}

extension SealedChallenge.Kind {
    /// On the wire; never changes.
    fileprivate var number: UInt8 {
        switch self {
        case .question: 1
        case .provider: 2
        case .clock: 3
        case .passed: 4
        }
    }

    /// What the rules of a sale call it.
    package var kind: ChallengeKind { self == .clock ? .clock : .question }
}
