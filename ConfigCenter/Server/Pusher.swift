import CurlClient
import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The center's calls to units: configuration, and grants that should not wait for the next report.
final class Pusher: Sendable {
    static let timeoutMilliseconds = 1_500

    private let curl: CurlClient
    private let unitsKeys: LiveSecret
    private let logger: Logger
    /// One quota push per unit at a time. The answer to the unit's next report brings what was skipped.
    private let underway = NIOLockedValueBox<Set<UnitID>>([])

    init(curl: CurlClient, unitsKeys: LiveSecret, logger: Logger) {
        self.curl = curl
        self.unitsKeys = unitsKeys  // Under TLS there may be none, and no unit asks for one.
        self.logger = logger
    }

    /// The center has another secret for each unit: a stolen one opens no other unit.
    private func headers(_ unit: UnitID) -> [String: String] {
        let secret = UnitCredential.derive(.fromCenter, of: unit, key: self.unitsKeys.shown)
        return ["Authorization": "Bearer \(secret)", "Content-Type": "application/json"]
    }

    /// Pushes a version to the units in order, and stops at the first one that refuses it as not valid. An urgent
    /// version goes to all units at once, and no refusal stops it.
    func push(_ push: ConfigPush, to units: [SaleConfig.Unit], isUrgent: Bool, _ book: ConfigBook) async {
        let body = JSON.encode(push)
        if isUrgent {
            await withDiscardingTaskGroup { group in
                for unit in units {
                    group.addTask {
                        guard let reason = await self.send(push, body, to: unit, book) else { return }
                        await book.refused(unit.id, version: push.version, reason: reason)
                    }
                }
            }
            return
        }
        for unit in units {
            // A newer version has its own push.
            if await book.push.version > push.version { return }
            guard let reason = await self.send(push, body, to: unit, book) else { continue }
            await book.refused(unit.id, version: push.version, reason: reason)
            return
        }
    }

    /// - Returns: The unit's reason why the version is not valid. After any other failure the unit pulls the version
    ///   itself.
    private func send(
        _ push: ConfigPush, _ body: [UInt8], to unit: SaleConfig.Unit, _ book: ConfigBook
    ) async -> String? {
        let request = CurlRequest(
            "PUT", "\(unit.internalURL)/internal/v1/config", headers: self.headers(unit.id), body: body,
            timeoutMilliseconds: Self.timeoutMilliseconds)
        guard let response = try? await self.curl.send(request) else { return nil }
        if response.status == 200 {
            await book.took(unit.id, version: push.version)
            return nil
        }
        let problem = try? JSON.decode(Problem.self, from: response.body)
        if problem?.code == "stale_config" { return nil }  // A newer version overtook this one.
        let reason = problem.map { "\($0.code): \($0.detail)" } ?? "status \(response.status)"
        self.logger.error("configuration refused", metadata: ["unit": "\(unit.name)", "reason": "\(reason)"])
        return problem?.code == "invalid_config" ? reason : nil
    }

    func push(_ directives: QuotaDirectives, to unit: SaleConfig.Unit) {
        guard self.underway.withLockedValue({ $0.insert(unit.id).inserted }) else { return }
        let request = CurlRequest(
            "POST", "\(unit.internalURL)/internal/v1/quota", headers: self.headers(unit.id),
            body: JSON.encode(directives),
            timeoutMilliseconds: Self.timeoutMilliseconds)
        self.curl.start(request) { _ in self.underway.withLockedValue { _ = $0.remove(unit.id) } }
    }
}
