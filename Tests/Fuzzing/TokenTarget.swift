import Crypto
import TrancheAPI
import TrancheCore

/// Purchase tokens and payment signatures: texts that any client can send.
enum TokenTarget {
    static let secret = String(repeating: "s", count: 32)
    static let codec = TokenCodec(secret: secret)
    static let signature = PaymentSignature(secret: secret)
    static let key = SymmetricKey(data: Array(secret.utf8))
    static let now = Instant(milliseconds: 1_700_000_000_000)

    static func run(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let rest = bytes.dropFirst()
        switch kind % 3 {
        case 0: self.open(Array(rest))
        case 1:
            // Any text with our signature: the checks behind the signature must hold, too.
            let mac = HMAC<SHA256>.authenticationCode(for: Array(rest), using: self.key)
            self.open(Array(Base64URL.encode(Array(rest) + Array(mac)).utf8))
        default:
            let text = String(decoding: rest, as: UTF8.self)
            try? self.signature.check(text, [], now: self.now)
        }
    }

    private static func open(_ text: [UInt8]) {
        guard let token = try? self.codec.open(text) else { return }
        // One token has one form: nothing that opens can be another text for the same claims. (Older versions are read,
        // and minted no more.)
        let bytes = Base64URL.decode(text) ?? []
        precondition(Array(Base64URL.encode(bytes).utf8) == text, "a token has two texts")
        let isOld = bytes.first != TokenCodec.version
        precondition(!isOld || token.epoch == .first, "a token of an old version names an epoch")
        precondition(isOld || Array(self.codec.mint(token).utf8) == text, "a token has two forms")
        for epoch in [RevocationEpoch.first, token.epoch, RevocationEpoch(.max)] {
            let terms = TokenTerms(epoch: epoch)
            do throws(TokenError) {
                try self.codec.check(token, lot: token.lot, unit: token.home, terms: terms, now: self.now)
                precondition(token.epoch >= epoch, "a revoked token is accepted")
            } catch { _ = Problem(error) }
        }
    }

    static var seeds: [[UInt8]] {
        let token = PurchaseToken(
            order: OrderID(high: 1, low: 2), lot: LotID(1), home: UnitID(1), buyer: BuyerID("buyer")!,
            issuedAt: self.now,
            notBefore: self.now, expiresAt: self.now.advanced(milliseconds: 1_000), epoch: RevocationEpoch(3))
        let text = Array(self.codec.mint(token).utf8)
        let signed = Array((Base64URL.decode(text) ?? []).dropLast(TokenCodec.macBytes))
        // The same token in the versions without an epoch, and without a key.
        let older: [[UInt8]] = [[1, 2] + signed[1..<5] + signed[9...], [1, 1] + signed[9...]]
        return older + [[0] + text, [1] + signed, [2] + Array(self.signature.sign([], at: self.now).utf8)]
    }
}
