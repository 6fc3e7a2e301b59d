import CurlClient
import Terminal
package import TrancheAPI
package import TrancheCore

extension AdminClient {
    /// The consumers of a unit's events.
    package func consumers(_ unit: ClusterLayout.Unit) async throws -> [ConsumerDocument] {
        try JSON.decode([ConsumerDocument].self, from: try await self.ask(unit, "GET", "/outbox", nil))
    }

    /// Dead letters in the order of the journal, a page of them.
    ///
    /// - Parameter letter: The last one of the page before.
    package func deadLetters(
        _ consumer: String, _ unit: ClusterLayout.Unit, after letter: DeadLetterDocument? = nil
    ) async throws -> [DeadLetterDocument] {
        let page = letter.map { "?after=\($0.position).\($0.index)" } ?? ""
        return try JSON.decode(
            [DeadLetterDocument].self, from: try await self.ask(unit, "GET", "/outbox/\(consumer)/dead\(page)", nil))
    }

    package func act(_ act: ConsumerAct, _ consumer: String, _ unit: ClusterLayout.Unit) async throws {
        _ = try await self.ask(unit, "POST", "/outbox/\(consumer)", JSON.encode(act))
    }

    /// The refunds of a unit's book, those that are done included.
    package func refunds(of unit: ClusterLayout.Unit) async throws -> [Refund] {
        try JSON.decode([Refund].self, from: try await self.ask(unit, "GET", "/refunds", nil))
    }

    private func ask(
        _ unit: ClusterLayout.Unit, _ method: String, _ path: String, _ body: [UInt8]?
    ) async throws -> [UInt8] {
        let url = self.layout.internalURL(unit) + "/internal/v1" + path
        let headers = ["Authorization": "Bearer \(self.layout.secret("TRANCHE_SHOP_SECRET"))"]
        let response: CurlResponse
        do { response = try await self.callUnit(CurlRequest(method, url, headers: headers, body: body)) } catch {
            throw CommandError("unit \(unit.name) does not answer: \(error)")
        }
        guard (200..<300).contains(response.status) else {
            let problem = try? JSON.decode(Problem.self, from: response.body)
            throw CommandError(
                problem.map { "\($0.code): \($0.detail)" } ?? "\(method) \(path): status \(response.status)")
        }
        return response.body
    }
}
