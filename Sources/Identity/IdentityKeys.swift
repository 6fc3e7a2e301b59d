package import Foundation
import JWTKit
import NIOConcurrencyHelpers

/// The public keys of the shop, by which its proofs of identity are checked.
///
/// A shop publishes them as a JSON Web Key Set (RFC 7517). It rotates its keys by adding a new one, and removing the
/// old one when no proof by it is valid any more; each time the whole set is replaced.
package final class IdentityKeys: Sendable {
    package static let byteLimit = 64 << 10
    package static let keyLimit = 32
    package static let keyIDBytes = 128
    /// Characters of an RSA modulus: 4,096 bits. A longer key would make each check slower.
    static let modulusCharacters = 684
    static let exponentCharacters = 8

    struct Key: Sendable {
        let algorithm: IdentityAlgorithm
        let check: any JWTAlgorithm
    }

    private let keys = NIOLockedValueBox<[String: Key]>([:])

    package init() {}

    /// - Throws: ``IdentityKeyError``.
    package convenience init(jwks: Data) async throws {
        self.init()
        try await self.replace(jwks: jwks)
    }

    /// The ids of the keys, in order.
    package var ids: [String] { self.keys.withLockedValue { $0.keys.sorted() } }

    /// Replaces all keys by those of a set. A set with a faulty key is refused whole, and the present keys stay: half a
    /// set would lock buyers out without a message.
    ///
    /// Keys for other purposes or algorithms are left out, as the format wants it.
    ///
    /// - Throws: ``IdentityKeyError``.
    package func replace(jwks: Data) async throws {
        let next = try await Self.parse(jwks)
        self.keys.withLockedValue { $0 = next }
    }

    func key(_ id: String?) throws(IdentityError) -> (id: String, key: Key) {
        let found = self.keys.withLockedValue { keys -> (id: String, key: Key)? in
            if let id { return keys[id].map { (id, $0) } }
            return keys.count == 1 ? keys.first.map { ($0.key, $0.value) } : nil
        }
        guard let found else { throw .unknownKey(id) }
        return found
    }

    private static func parse(_ jwks: Data) async throws -> [String: Key] {
        guard jwks.count <= Self.byteLimit else {
            throw IdentityKeyError.tooLong(bytes: jwks.count, limit: Self.byteLimit)
        }
        let documents = try KeyDocument.read(jwks)
        guard documents.count <= Self.keyLimit else {
            throw IdentityKeyError.tooMany(documents.count, limit: Self.keyLimit)
        }
        var keys: [String: Key] = [:]
        for document in documents {
            guard let algorithm = try document.algorithm() else { continue }
            let id = try document.id()
            guard keys[id] == nil else { throw IdentityKeyError.duplicate(id) }
            keys[id] = Key(algorithm: algorithm, check: try await document.key(id: id, algorithm))
        }
        guard !keys.isEmpty else { throw IdentityKeyError.none }
        return keys
    }
}

/// Why a set of keys is refused.
package enum IdentityKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong(bytes: Int, limit: Int)
    case malformed(String)
    case tooMany(Int, limit: Int)
    /// No key of the set is for signatures by an algorithm that is accepted.
    case none
    case missingID
    case duplicate(String)
    case bad(String, reason: String)
    /// The set was published with a private key.
    case isPrivate(String)

    package var description: String {
        switch self {
        case .tooLong(let bytes, let limit): "the set of keys has \(bytes) bytes, at most \(limit)"
        case .malformed(let reason): "the set of keys is malformed: \(reason)"
        case .tooMany(let count, let limit): "the set has \(count) keys, at most \(limit)"
        case .none:
            "no key of the set is for signatures by "
                + IdentityAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
        case .missingID: "a key has no kid of 1 to \(IdentityKeys.keyIDBytes) bytes"
        case .duplicate(let id): "two keys have the kid \(id.debugDescription)"
        case .bad(let id, let reason): "the key \(id.debugDescription) is bad: \(reason)"
        case .isPrivate(let id): "the key \(id.debugDescription) is a private one: withdraw it, and publish public keys"
        }
    }
}
