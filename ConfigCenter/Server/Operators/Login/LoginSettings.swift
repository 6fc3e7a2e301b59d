import DaemonSupport
import Foundation
import Identity
import TrancheAPI
import TrancheCore

/// How operators sign in to the console with the shop's provider.
struct LoginSettings: Sendable {
    /// Where the provider sends browsers back to: the path that the center serves.
    static let callback = "/console/login/callback"
    /// The provider makes the secret, and may make a short one.
    private static let shortestSecretBytes = 16

    let issuer: String
    let client: String
    /// The client's secret at the provider.
    let secret: String
    let redirect: String
    let scopes: String
    let people: LiveFile<LoginList>

    /// Whether browsers reach the console over TLS: its cookies then go nowhere else.
    var isSecure: Bool { self.redirect.hasPrefix("https://") }

    /// `nil` without `operators.login.issuer`.
    ///
    /// - Throws: ``StartError`` for half of the settings.
    init?(_ values: DaemonConfiguration) throws(StartError) {
        let issuer = values.string("operators.login.issuer", default: "")
        guard !issuer.isEmpty else { return nil }
        guard LoginEndpoints.isSafe(issuer) else {
            throw StartError("operators.login.issuer is \"\(issuer)\", but must be https, or on this machine")
        }
        let redirect = try values.string("operators.login.redirect")
        guard LoginEndpoints.isSafe(redirect), URLComponents(string: redirect)?.path == Self.callback,
            !redirect.contains("?")
        else {
            throw StartError(
                "operators.login.redirect is \"\(redirect)\", but must be https (or on this machine) with the path "
                    + Self.callback)
        }
        self.issuer = issuer
        self.client = try values.string("operators.login.client")
        self.redirect = redirect
        self.scopes = values.string("operators.login.scopes", default: "openid email")
        self.secret = try values.secret("tranche.login.secret", shortestBytes: Self.shortestSecretBytes)
        self.people = try LiveFile(
            path: try values.string("operators.login.people"), bytes: LoginList.textBytes, parse: Self.parse)
    }

    @Sendable private static func parse(_ text: String) -> Result<LoginList, StartError> {
        do throws(LoginListError) { return .success(try LoginList(text: text)) } catch {
            return .failure(StartError("the list of people \(error)"))
        }
    }
}
