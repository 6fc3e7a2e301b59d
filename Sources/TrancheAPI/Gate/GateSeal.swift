import Crypto
package import TrancheCore

/// Why a session or an entry ticket is refused.
package enum SealError: Error, Hashable, Sendable {
    case missing
    case malformed(reason: String)
    case forged
    case expired(at: Instant)
    /// The ticket is for another lot than the address.
    case wrongLot(LotID, expected: LotID)
    /// The ticket belongs to another buyer than the session.
    case wrongBuyer
}

/// Makes and checks texts of gates: base64url of `content mac(32)`, `mac` = HMAC-SHA256 (RFC 2104) over the content.
struct GateSeal: Sendable {
    static let macBytes = 32

    private let keys: [HMAC<SHA256>]
    private let contentLimit: Int
    /// The longest text, in characters.
    let lengthLimit: Int

    /// - Parameter contentLimit: The most bytes that a content has.
    init(_ keys: GateKeys, _ purpose: GateKeys.Purpose, contentLimit: Int) {
        self.keys = keys.keyed(purpose)
        self.contentLimit = contentLimit
        self.lengthLimit = (contentLimit + Self.macBytes) * 4 / 3 + 4
    }

    func seal(_ content: [UInt8]) -> String {
        precondition(content.count <= self.contentLimit, "\(content.count) bytes, at most \(self.contentLimit)")
        return Base64URL.encode(content + content.withUnsafeBytes { self.keys[0].code($0) })
    }

    /// Checks the signature, in constant time for equal lengths, and gives the content to `read`.
    func open<Value>(
        _ text: UnsafeRawBufferPointer, _ read: (UnsafeRawBufferPointer) -> Result<Value, SealError>
    ) throws(SealError) -> Value {
        guard !text.isEmpty else { throw .missing }
        guard text.count <= self.lengthLimit else {
            throw .malformed(reason: "longer than \(self.lengthLimit) characters")
        }
        let result: Result<Value, SealError> = withUnsafeTemporaryAllocation(
            byteCount: self.lengthLimit, alignment: 8
        ) { buffer in
            guard let count = Base64URL.decode(text, into: buffer) else {
                return .failure(.malformed(reason: "not base64url"))
            }
            guard count > Self.macBytes else { return .failure(.malformed(reason: "too short")) }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            let content = UnsafeRawBufferPointer(rebasing: bytes[..<(count - Self.macBytes)])
            let mac = UnsafeRawBufferPointer(rebasing: bytes[(count - Self.macBytes)...])
            // Codes are compared in constant time.
            guard self.keys.contains(where: { $0.code(content) == mac }) else { return .failure(.forged) }
            return read(content)
        }
        return try result.get()
    }
}

/// The fields before a buyer's name, and the name: what a session and a ticket have in common.
enum SealedBuyer {
    static func put(_ buyer: BuyerID, into content: inout [UInt8]) {
        content.append(UInt8(buyer.rawValue.utf8.count))
        content += buyer.rawValue.utf8
    }

    /// Reads the name behind `start` bytes, which must end the content.
    static func take(from content: UnsafeRawBufferPointer, at start: Int) -> Result<BuyerID, SealError> {
        guard content.count > start + 1, Int(content[start]) == content.count - start - 1,
            let buyer = BuyerID(String(decoding: content[(start + 1)...], as: UTF8.self))
        else { return .failure(.malformed(reason: "the length of the buyer's name is wrong")) }
        return .success(buyer)
    }

    static func check(version: UInt8, _ content: UnsafeRawBufferPointer, fixedBytes: Int) -> SealError? {
        guard content[0] == version else { return .malformed(reason: "version \(content[0]) is unknown") }
        return content.count > fixedBytes ? nil : .malformed(reason: "too short")
    }
}
