import CurlClient
import DaemonSupport
import Foundation
import Identity
import Logging
import TrancheAPI

/// Keeps the shop's public keys up to date: a new key is accepted within a minute, without a restart.
final class KeyWatch: Sendable {
    static let refreshSeconds = 60
    static let retrySeconds = 5
    private static let timeoutMilliseconds = 5_000

    private let identity: GateConfiguration.Identity
    private let keys: IdentityKeys
    /// Trusts the public authorities, and not the installation's own one: the address is the shop's.
    private let curl: CurlClient?
    private let logger: Logger

    init(_ identity: GateConfiguration.Identity, keys: IdentityKeys, logger: Logger) {
        (self.identity, self.keys, self.logger) = (identity, keys, logger)
        self.curl = identity.keysAddress.map { _ in CurlClient() }
    }

    func stop() { self.curl?.stop() }

    var verifier: IdentityVerifier {
        switch self.identity {
        case .dev: IdentityVerifier(keys: self.keys, issuer: DevIdentity.issuer, audience: DevIdentity.audience)
        case .shop(_, let issuer, let audience):
            IdentityVerifier(keys: self.keys, issuer: issuer, audience: audience, toleranceSeconds: 5)
        }
    }

    /// Reads the keys for the first time. A gate without keys does not start: it would refuse every buyer.
    func load(_ dev: DevIdentity?) async throws {
        do {
            if let dev { try await self.keys.replace(jwks: dev.jwks) } else { try await self.read() }
        } catch { throw StartError("identity.keys: \(error)") }
    }

    private func read() async throws {
        guard case .shop(let place, _, _) = self.identity else { return }
        guard let curl else {
            return try await self.keys.replace(jwks: try Data(contentsOf: URL(fileURLWithPath: place)))
        }
        let response = try await curl.send(
            CurlRequest("GET", place, headers: [:], body: nil, timeoutMilliseconds: Self.timeoutMilliseconds))
        guard response.status == 200 else { throw StartError("\(place) answered with status \(response.status)") }
        try await self.keys.replace(jwks: Data(response.body))
    }

    /// Reads the keys again until shutdown. A list that cannot be read changes nothing.
    func run() async {
        guard case .shop(let place, _, _) = self.identity else { return }
        var pause = Self.refreshSeconds
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(pause))
            do {
                try await self.read()
                pause = Self.refreshSeconds
            } catch {
                pause = Self.retrySeconds
                if !Task.isCancelled { self.logger.error("the keys of \(place) stay as they are: \(error)") }
            }
        }
    }
}
