import CurlClient
import DaemonSupport
import Foundation
import Identity
import TrancheAPI
import TrancheCore

/// Asks the provider: for its addresses, its keys, and the token that a code stands for.
actor LoginProvider {
    private static let timeoutMilliseconds = 5_000
    private static let tokenBytes = 64 << 10
    /// How long addresses and keys count.
    private static let freshMilliseconds: Int64 = 600_000
    /// Keys are not read again sooner because of a token with an unknown key.
    private static let restMilliseconds: Int64 = 10_000
    /// How far the provider's clock may be off.
    private static let toleranceSeconds = 5

    private let settings: LoginSettings
    /// Trusts the public authorities, and not the installation's own one: the addresses are the shop's.
    private let curl: CurlClient
    private let keys = IdentityKeys()
    private var known: (endpoints: LoginEndpoints, at: Instant)?
    private var keysAt: Instant?

    init(_ settings: LoginSettings, curl: CurlClient) { (self.settings, self.curl) = (settings, curl) }

    func endpoints() async throws(Problem) -> LoginEndpoints {
        let now = SystemClock.monotonic()
        if let known, now.milliseconds(since: known.at) < Self.freshMilliseconds { return known.endpoints }
        let document = try await self.get(
            LoginEndpoints.document(of: self.settings.issuer), limit: LoginEndpoints.documentBytes)
        let endpoints: LoginEndpoints
        do throws(LoginError) {
            endpoints = try LoginEndpoints(document: document, issuer: self.settings.issuer)
        } catch { throw Self.away("\(error)") }
        self.known = (endpoints, now)
        return endpoints
    }

    /// Exchanges a code for an ID token, and checks it.
    func claims(code: String, _ attempt: LoginAttempt) async throws(Problem) -> LoginClaims {
        let endpoints = try await self.endpoints()
        let token = try await self.token(code: code, attempt, endpoints)
        try await self.readKeys(endpoints, isForced: false)
        let verifier = IdentityVerifier(
            keys: self.keys, issuer: self.settings.issuer, audience: self.settings.client,
            toleranceSeconds: Self.toleranceSeconds)
        do throws(IdentityError) {
            return try verifier.verifyLogin(token.utf8, nonce: attempt.nonce, now: SystemClock.now())
        } catch {
            guard case .unknownKey = error else { throw Problem(error) }
        }
        // The provider may have a new key.
        try await self.readKeys(endpoints, isForced: true)
        do throws(IdentityError) {
            return try verifier.verifyLogin(token.utf8, nonce: attempt.nonce, now: SystemClock.now())
        } catch { throw Problem(error) }
    }

    private func readKeys(_ endpoints: LoginEndpoints, isForced: Bool) async throws(Problem) {
        let age = self.keysAt.map { SystemClock.monotonic().milliseconds(since: $0) }
        if let age, age < (isForced ? Self.restMilliseconds : Self.freshMilliseconds) { return }
        let jwks = try await self.get(endpoints.keys, limit: IdentityKeys.byteLimit)
        do { try await self.keys.replace(jwks: Data(jwks)) } catch { throw Self.away("\(error)") }
        self.keysAt = SystemClock.monotonic()
    }

    private struct TokenAnswer: Decodable {
        private enum CodingKeys: String, CodingKey { case idToken = "id_token" }
        let idToken: String?
    }

    /// The client proves itself by HTTP Basic (RFC 6749, section 2.3.1).
    private func token(
        code: String, _ attempt: LoginAttempt, _ endpoints: LoginEndpoints
    ) async throws(Problem) -> String {
        let client = [self.settings.client, self.settings.secret].map { LoginEndpoints.escaped($0) }
        let proof = Data(client.joined(separator: ":").utf8).base64EncodedString()
        let form = LoginEndpoints.form([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", self.settings.redirect),
            ("code_verifier", attempt.verifier),
        ])
        let response = try await self.send(
            CurlRequest(
                "POST", endpoints.token,
                headers: [
                    "Authorization": "Basic \(proof)", "Content-Type": "application/x-www-form-urlencoded",
                    "Accept": "application/json",
                ], body: Array(form.utf8), timeoutMilliseconds: Self.timeoutMilliseconds,
                bodyLimitBytes: Self.tokenBytes))
        guard response.status == 200 else {
            // The provider's own text could have the code in it.
            throw Problem(
                status: 401, code: "login_refused",
                detail: "the provider gave no token for this login (status \(response.status)): sign in again")
        }
        guard let token = (try? JSON.decode(TokenAnswer.self, from: response.body))?.idToken else {
            throw Self.away("its answer has no id_token")
        }
        return token
    }

    private func get(_ address: String, limit: Int) async throws(Problem) -> [UInt8] {
        let response = try await self.send(
            CurlRequest(
                "GET", address, headers: ["Accept": "application/json"], timeoutMilliseconds: Self.timeoutMilliseconds,
                bodyLimitBytes: limit))
        guard response.status == 200 else { throw Self.away("\(address) answered with status \(response.status)") }
        return response.body
    }

    private func send(_ request: CurlRequest) async throws(Problem) -> CurlResponse {
        do throws(CurlError) { return try await self.curl.send(request) } catch {
            throw Self.away("\(request.url): \(error)")
        }
    }

    private static func away(_ reason: String) -> Problem {
        Problem(
            status: 503, code: "provider_away",
            detail: "the provider of logins cannot be used: \(reason); a credential opens the console all the same",
            retryAfter: 5)
    }
}
