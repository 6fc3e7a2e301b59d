import CurlClient
import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Terminal
package import TrancheAPI
package import TrancheCore

/// Calls the center, and units, as an operator.
package struct AdminClient: Sendable {
    package let layout: ClusterLayout
    /// The idempotency key of an act. Without one, each act gets a new key.
    package var key: String?
    /// Why the caller acts: for acts that a second person approves.
    package var reason: String?
    /// How long a command waits for a center that leads.
    private static let patienceMilliseconds = 8_000
    private let credential: String
    private let curl: CurlClient
    private let center: CenterCaller
    /// One client, with one thread, for each certificate, because commands create this struct many times.
    private static let shared = NIOLockedValueBox<[ClientTLS?: CurlClient]>([:])

    /// - Parameter credential: An operator's own one; `nil`: the layout's secret of admins.
    package init(_ layout: ClusterLayout, key: String? = nil, credential: String? = nil) {
        self.layout = layout
        self.key = key
        self.credential = credential ?? layout.secret("TRANCHE_ADMIN_SECRET")
        self.curl = Self.client(layout.clientTLS)
        self.center = CenterCaller(layout.centers, curl: self.curl)
    }

    package func answers(_ address: String) async -> Bool {
        let response = try? await self.curl.send(CurlRequest("GET", address, timeoutMilliseconds: 1_000))
        return response?.status == 200
    }

    /// The address of the center that leads; `nil` while none does.
    package func leadingCenter() async -> String? {
        let headers = ["Authorization": "Bearer \(self.credential)"]
        for address in self.layout.centers.all {
            let request = CurlRequest("GET", address + "/v1/quota", headers: headers, timeoutMilliseconds: 1_000)
            if let response = try? await self.curl.send(request), response.status == 200 { return address }
        }
        return nil
    }

    /// A sale as buyers see it at a gate; `nil` if the gate does not answer, or does not know the sale.
    package func status(of sale: String, at gate: ClusterLayout.Gate) async -> StatusDocument? {
        let request = CurlRequest("GET", gate.publicURL + "/v1/sales/\(sale)/status.json", timeoutMilliseconds: 1_000)
        guard let response = try? await self.curl.send(request), response.status == 200 else { return nil }
        return try? JSON.decode(StatusDocument.self, from: response.body)
    }

    /// - Parameters:
    ///   - version: Sent as If-Match.
    ///   - part: The number of the act, in a command that does several acts under one key.
    /// - Throws: ``CommandError`` with the problem that the center reports.
    package func call<Value: Decodable>(
        _ method: String, _ path: String, _ body: (any Encodable & Sendable)? = nil, version: Int? = nil,
        part: String = "", as type: Value.Type
    ) async throws -> Value {
        try JSON.decode(type, from: try await self.send(method, path, body, version: version, part: part))
    }

    /// Makes a call whose answer has no body.
    package func send(
        _ method: String, _ path: String, _ body: (any Encodable & Sendable)? = nil, version: Int? = nil,
        part: String = ""
    ) async throws -> [UInt8] {
        let key = self.key ?? Hex.text(UInt64.random(in: 0...UInt64.max))
        var headers = [
            "Authorization": "Bearer \(self.credential)", "Content-Type": "application/json",
            "X-Tranche-Actor": ProcessInfo.processInfo.environment["USER"] ?? "cli",
        ]
        if let version { headers["If-Match"] = "\"\(version)\"" }
        if method != "GET" { headers["Idempotency-Key"] = key + part }
        if let reason {
            headers["X-Tranche-Reason"] = reason.addingPercentEncoding(withAllowedCharacters: .urlUserAllowed)
        }
        let bytes = body.map { JSON.encode($0) } ?? (method == "GET" ? nil : [])
        let response: CurlResponse
        do {
            response = try await self.callCenter(CurlRequest(method, path, headers: headers, body: bytes))
        } catch let error where method != "GET" && error.mayHaveArrived {
            throw CommandError(
                "the config center did not answer in time (\(error)); it may have carried out the act. Repeat the "
                    + "command with --key \(key): the act takes effect once")
        } catch {
            throw CommandError(
                "the config center does not answer at \(self.layout.centers.all.joined(separator: ", ")): \(error); is the "
                    + "cluster up?")
        }
        guard (200..<300).contains(response.status) else {
            let problem = try? JSON.decode(Problem.self, from: response.body)
            throw CommandError(
                problem.map { "\($0.code): \($0.detail)" } ?? "\(method) \(path): status \(response.status)")
        }
        if response.status == 202, let needed = try? JSON.decode(ApprovalNeeded.self, from: response.body),
            needed.code == ApprovalNeeded.code
        {
            throw CommandError(
                "\(needed.code): \(needed.detail). Nothing was carried out. Somebody else, with a credential of their own, "
                    + "runs: tranche approval approve \(needed.proposal.id) --reason TEXT")
        }
        return response.body
    }

    /// Waits for a center that leads: after a failure another one does in a few seconds. Only calls that no center has
    /// carried out are repeated.
    private func callCenter(_ request: CurlRequest) async throws(CurlError) -> CurlResponse {
        let end = ContinuousClock.now + .milliseconds(Self.patienceMilliseconds)
        while true {
            let isLate = self.layout.centers.isSingle || ContinuousClock.now >= end
            do throws(CurlError) {
                let response = try await self.center.send(request)
                let problem = response.status == 503 ? try? JSON.decode(Problem.self, from: response.body) : nil
                if isLate || problem?.code != Problem.notLeadingCode { return response }
            } catch {
                if isLate || error.mayHaveArrived { throw error }
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Calls a unit itself. With TLS it takes the shop's certificate, and not an operator's.
    func callUnit(_ request: CurlRequest) async throws(CurlError) -> CurlResponse {
        try await Self.client(self.layout.shopTLS).send(request)
    }

    /// Calls the sample shop, which has no certificate and asks for none.
    func callShop(_ request: CurlRequest) async throws(CurlError) -> CurlResponse {
        try await Self.client(nil).send(request)
    }

    private static func client(_ tls: ClientTLS?) -> CurlClient {
        self.shared.withLockedValue { shared in
            let client = shared[tls] ?? CurlClient(tls: tls)
            shared[tls] = client
            return client
        }
    }

    package func quota() async throws -> QuotaState { try await self.call("GET", "/v1/quota", as: QuotaState.self) }

    package func sale(_ id: String) async throws -> SaleDocument {
        try await self.call("GET", "/v1/sales/\(id)", as: SaleDocument.self)
    }

    /// Waits until `count` units have registered.
    package func waitForUnits(_ count: Int) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while try await self.call("GET", "/v1/units", as: [UnitDocument].self).count < count {
            guard ContinuousClock.now < end else { throw CommandError("not every unit has registered within 10 s") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    package func step(_ step: SaleState.Step, _ id: String, _ options: OpenBody = OpenBody()) async throws
        -> SaleDocument
    {
        try await self.edit(id) { seen in
            try await self.call(
                "POST", "/v1/sales/\(id)/\(step.rawValue)", options, version: seen.version, as: SaleDocument.self)
        }
    }

    /// Changes a sale, based on its present state.
    package func edit<Value>(_ id: String, _ body: (SaleDocument) async throws -> Value) async throws -> Value {
        // Another change may happen between the read and the step: read again, a few times.
        for _ in 0..<4 {
            let seen = try await self.sale(id)
            do { return try await body(seen) } catch let error as CommandError
                where error.description.hasPrefix("precondition_failed")
            { continue }
        }
        throw CommandError("the configuration keeps changing; try again")
    }

    /// Waits until the sale is ready; prints from time to time what is missing.
    package func waitUntilReady(_ id: String, seconds: Int, progress: (String) -> Void) async throws -> SaleDocument {
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
