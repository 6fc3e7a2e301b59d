import Crypto

/// The keys that gates derive from the secret `TRANCHE_GATE_KEY`, one for each purpose. What was made for one purpose
/// is valid for no other.
package struct GateKeys: Sendable {
    package enum Purpose: String, Hashable, Sendable, CaseIterable {
        case session, ticket, challenge
        /// The signatures of the answers of challenges: only a gate can tell from one what the answer is.
        case answer
        /// Challenges that are not work, and their answers.
        case sealed
        case sealedAnswer = "sealed answer"
        case order
    }

    private let secrets: [[UInt8]]

    package init(secret: String) { self.init(secrets: [secret]) }

    /// - Parameter secrets: At least one, the newest first. The newest one makes texts; texts by any of them are
    ///   accepted. Order ids come from the newest one alone, so a secret is changed between sales.
    package init(secrets: [String]) {
        precondition(!secrets.isEmpty, "the list of gate keys is empty")
        self.secrets = secrets.map { Array($0.utf8) }
    }

    /// HMAC-SHA256(secret, "tranche gate PURPOSE") of every secret, the newest first. Each is returned as an HMAC that
    /// has processed its key already: this work is done once, and not for each text.
    func keyed(_ purpose: Purpose) -> [HMAC<SHA256>] {
        let label = Array("tranche gate \(purpose.rawValue)".utf8)
        return self.secrets.map { secret in
            let key = HMAC<SHA256>.authenticationCode(for: label, using: SymmetricKey(data: secret))
            return HMAC<SHA256>(key: SymmetricKey(data: Array(key)))
        }
    }
}

extension HMAC<SHA256> {
    func code(_ bytes: UnsafeRawBufferPointer) -> HMAC<SHA256>.MAC {
        var code = self
        code.update(data: bytes)
        return code.finalize()
    }
}

extension [UInt8] {
    mutating func put(big value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { self.append(contentsOf: $0) }
    }

    /// A field with its length before it: two lists of fields never give the same bytes.
    mutating func put(field: some Collection<UInt8>) {
        self.put(big: UInt16(field.count))
        self.append(contentsOf: field)
    }

    mutating func put(field lot: some FixedWidthInteger) {
        self.put(big: UInt16(lot.bitWidth / 8))
        self.put(big: lot)
    }
}

extension UnsafeRawBufferPointer {
    /// A big-endian number at an offset, which the caller has checked.
    func big<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        Value(bigEndian: self.loadUnaligned(fromByteOffset: offset, as: type))
    }
}
