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
        // One token has one form: nothing that opens can be another text for the same claims. (Version 1 is read, and minted
        // no more.)
        let bytes = Base64URL.decode(text) ?? []
        precondition(Array(Base64URL.encode(bytes).utf8) == text, "a token has two texts")
        let isOld = bytes.first == 1
        precondition(isOld || Array(self.codec.mint(token).utf8) == text, "a token has two forms")
        try? self.codec.check(token, lot: token.lot, unit: token.home, now: self.now)
    }

    static var seeds: [[UInt8]] {
        let token = PurchaseToken(
            order: OrderID(high: 1, low: 2), lot: LotID(1), home: UnitID(1), buyer: BuyerID("buyer")!,
            issuedAt: self.now,
            notBefore: self.now, expiresAt: self.now.advanced(milliseconds: 1_000))
        let text = Array(self.codec.mint(token).utf8)
        let signed = Array((Base64URL.decode(text) ?? []).dropLast(TokenCodec.macBytes))
        return [[0] + text, [1] + signed, [2] + Array(self.signature.sign([], at: self.now).utf8)]
    }
}
