package import TrancheCore

extension IdentityVerifier {
    /// Bytes of a subject, an address and a group.
    private static let claimBytes = 256
    /// Groups of one person.
    private static let groupsLimit = 256

    /// Checks the ID token of an operator who has signed in (OpenID Connect Core 1.0, section 3.1.3.7): signature, issuer,
    /// audience, times, and that it was made for this login.
    ///
    /// - Parameter nonce: What the login began with.
    package func verifyLogin(
        _ text: some Collection<UInt8>, nonce: String, now: Instant
    ) throws(IdentityError) -> LoginClaims {
        let claims = try self.read(LoginTokenClaims.self, from: text)
        _ = try self.checkFrame(claims.frame, now: now)
        let audience = claims.frame.aud?.names ?? []
        // Of several audiences the token says which one asked for it.
        if audience.count > 1 || claims.azp != nil {
            guard claims.azp == self.audience else {
                throw .badClaim("azp", reason: "the token was made for another client")
            }
        }
        guard claims.nonce == nonce else { throw .badClaim("nonce", reason: "the token belongs to another login") }
        guard let subject = claims.sub else { throw .missingClaim("sub") }
        guard (1...Self.claimBytes).contains(subject.utf8.count) else {
            throw .badClaim("sub", reason: "it has \(subject.utf8.count) bytes, at most \(Self.claimBytes)")
        }
        let groups = claims.groups ?? []
        guard groups.count <= Self.groupsLimit else {
            throw .badClaim("groups", reason: "there are \(groups.count), at most \(Self.groupsLimit)")
        }
        let email = claims.isVerified == true ? claims.email : nil
        guard (email?.utf8.count ?? 0) <= Self.claimBytes else {
            throw .badClaim("email", reason: "it is longer than \(Self.claimBytes) bytes")
        }
        return LoginClaims(subject: subject, email: email, groups: groups)
    }
}

private struct LoginTokenClaims: Decodable {
    private enum CodingKeys: String, CodingKey {
        case sub, azp, nonce, email, groups
        case isVerified = "email_verified"
    }
    let frame: FrameClaims
    let sub: String?
    let azp: String?
    let nonce: String?
    let email: String?
    let isVerified: Bool?
    let groups: [String]?

    init(from decoder: any Decoder) throws {
        self.frame = try FrameClaims(from: decoder)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.sub = try values.decodeIfPresent(String.self, forKey: .sub)
        self.azp = try values.decodeIfPresent(String.self, forKey: .azp)
        self.nonce = try values.decodeIfPresent(String.self, forKey: .nonce)
        self.email = try values.decodeIfPresent(String.self, forKey: .email)
        self.isVerified = try values.decodeIfPresent(Bool.self, forKey: .isVerified)
        self.groups = try values.decodeIfPresent([String].self, forKey: .groups)
    }
}
