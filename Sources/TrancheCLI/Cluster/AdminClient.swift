import CurlClient
import Foundation
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// Calls of an operator to the center, and to units.
struct AdminClient: Sendable {
    let layout: ClusterLayout
    private let curl: CurlClient
    /// One client, with one thread, for each certificate: commands make this struct again and again.
    private static let shared = NIOLockedValueBox<[ClientTLS?: CurlClient]>([:])

    init(_ layout: ClusterLayout) {
        self.layout = layout
        self.curl = Self.shared.withLockedValue { shared in
            let client = shared[layout.clientTLS] ?? CurlClient(tls: layout.clientTLS)
            shared[layout.clientTLS] = client
            return client
        }
    }

    func answers(_ address: String) async -> Bool {
        let response = try? await self.curl.send(CurlRequest("GET", address, timeoutMilliseconds: 1_000))
        return response?.status == 200
    }

    /// - Parameter version: Sent as If-Match.
    /// - Throws: ``CommandError`` with the problem that the center reports.
    func call<Value: Decodable>(
        _ method: String, _ path: String, _ body: (any Encodable & Sendable)? = nil, version: Int? = nil,
        as type: Value.Type
    ) async throws -> Value {
        var headers = [
            "Authorization": "Bearer \(self.layout.secret("TRANCHE_ADMIN_SECRET"))", "Content-Type": "application/json",
            "X-Tranche-Actor": ProcessInfo.processInfo.environment["USER"] ?? "cli",
        ]
        if let version { headers["If-Match"] = "\"\(version)\"" }
        let bytes = body.map { JSON.encode($0) } ?? (method == "GET" ? nil : [])
        let response: CurlResponse
        do {
            response = try await self.curl.send(
                CurlRequest(method, self.layout.centerURL + path, headers: headers, body: bytes))
        } catch {
            throw CommandError(
                "the config center does not answer at \(self.layout.centerURL): \(error); is the cluster up?")
        }
        guard (200..<300).contains(response.status) else {
            let problem = try? JSON.decode(Problem.self, from: response.body)
            throw CommandError(
                problem.map { "\($0.code): \($0.detail)" } ?? "\(method) \(path): status \(response.status)")
        }
        return try JSON.decode(type, from: response.body)
    }

    func quota() async throws -> QuotaState { try await self.call("GET", "/v1/quota", as: QuotaState.self) }

    func sale(_ id: String) async throws -> SaleDocument {
        try await self.call("GET", "/v1/sales/\(id)", as: SaleDocument.self)
    }

    /// Waits until so many units have registered.
    func waitForUnits(_ count: Int) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while try await self.call("GET", "/v1/units", as: [UnitDocument].self).count < count {
            guard ContinuousClock.now < end else { throw CommandError("not every unit has registered within 10 s") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    func step(_ step: SaleState.Step, _ id: String, _ options: OpenBody = OpenBody()) async throws -> SaleDocument {
        // Another change may come between the look and the step: look again, a few times.
        for _ in 0..<4 {
            let seen = try await self.sale(id)
            do {
                return try await self.call(
                    "POST", "/v1/sales/\(id)/\(step.rawValue)", options, version: seen.version, as: SaleDocument.self)
            } catch let error as CommandError where error.description.hasPrefix("precondition_failed") { continue }
        }
        throw CommandError("the configuration keeps changing; try again")
    }

    /// Waits until nothing is missing; prints what is, now and then.
    func waitUntilReady(_ id: String, seconds: Int, progress: (String) -> Void) async throws -> SaleDocument {
        let end = ContinuousClock.now + .seconds(seconds)
        while true {
            let document = try await self.sale(id)
            if document.readiness.isReady { return document }
            guard ContinuousClock.now < end else {
                throw CommandError(
                    "sale \(id) is not ready after \(seconds) s: \(document.readiness.missing.joined(separator: "; "))")
            }
            progress(document.readiness.missing.first ?? "")
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}
