import Crypto
import CryptoExtras
import Foundation
import Identity
import TrancheAPI
import TrancheCore

/// A shop that signs whatever a test wants.
struct TestShop {
    enum Key {
        case ed(Curve25519.Signing.PrivateKey)
        case ec(P256.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }

    static let now = Instant(milliseconds: 1_732_600_000_000)
    static let seconds: Int64 = 1_732_600_000
    static let issuer = "https://shop.example"
    static let audience = "tranche"
    /// One key for all tests: to make one takes a while.
    static let rsa = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    let ed = Curve25519.Signing.PrivateKey()
    let ec = P256.Signing.PrivateKey()

    static func base64(_ bytes: some Sequence<UInt8>) -> String { Base64URL.encode(Array(bytes)) }

    /// The public keys `ed`, `ec` and `rsa`.
    func jwks() throws -> String { "{\"keys\":[\(self.edJWK()),\(self.ecJWK()),\(try Self.rsaJWK())]}" }

    func edJWK(_ kid: String = "ed") -> String {
        let x = Self.base64(self.ed.publicKey.rawRepresentation)
        return #"{"kty":"OKP","crv":"Ed25519","kid":"\#(kid)","x":"\#(x)","alg":"EdDSA","use":"sig"}"#
    }

    func ecJWK() -> String {
        let point = self.ec.publicKey.rawRepresentation
        let (x, y) = (Self.base64(point.prefix(32)), Self.base64(point.suffix(32)))
        return #"{"kty":"EC","crv":"P-256","kid":"ec","x":"\#(x)","y":"\#(y)"}"#
    }

    static func rsaJWK() throws -> String {
        let primitives = try self.rsa.get().publicKey.getKeyPrimitives()
        let (n, e) = (self.base64(primitives.modulus), self.base64(primitives.publicExponent))
        return #"{"kty":"RSA","kid":"rsa","n":"\#(n)","e":"\#(e)","alg":"RS256","key_ops":["verify"]}"#
    }

    func verifier(toleranceSeconds: Int = 0) async throws -> IdentityVerifier {
        IdentityVerifier(
            keys: try await IdentityKeys(jwks: Data(try self.jwks().utf8)), issuer: Self.issuer,
            audience: Self.audience, toleranceSeconds: toleranceSeconds)
    }

    static func claims(
        sub: String? = "\"ann\"", iss: String? = "\"\(TestShop.issuer)\"", aud: String? = "\"\(TestShop.audience)\"",
        exp: String? = "\(TestShop.seconds + 60)", more: String = ""
    ) -> String {
        let fields = [("sub", sub), ("iss", iss), ("aud", aud), ("exp", exp)]
        return
            "{\(fields.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.joined(separator: ","))\(more)}"
    }

    /// The claims with a header, signed by a key.
    func sign(_ claims: String, header: String, _ key: Key) throws -> String {
        let signed = "\(Self.base64(header.utf8)).\(Self.base64(claims.utf8))"
        let bytes = Data(signed.utf8)
        let signature: Data =
            switch key {
            case .ed(let key): try key.signature(for: bytes)
            case .ec(let key): try key.signature(for: bytes).rawRepresentation
            case .rsa(let key):
                try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5).rawRepresentation
            }
        return "\(signed).\(Self.base64(signature))"
    }

    /// A good token of the key `ed`, but for what a test changes.
    func token(_ claims: String = TestShop.claims(), header: String = #"{"alg":"EdDSA","kid":"ed"}"#) throws -> String {
        try self.sign(claims, header: header, .ed(self.ed))
    }
}
