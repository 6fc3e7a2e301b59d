package import CurlClient
import NIOConcurrencyHelpers
import TrancheAPI
package import TrancheCore

/// Calls the center that leads, wherever it is.
///
/// A center that does not lead has carried nothing out, so the call goes to the next one at once. After a call without an
/// answer the caller decides: the center may have carried it out. The next call goes to another one.
package final class CenterCaller: Sendable {
    private let curl: CurlClient
    private let addresses: NIOLockedValueBox<CenterAddresses>

    package init(_ addresses: CenterAddresses, curl: CurlClient) {
        (self.addresses, self.curl) = (NIOLockedValueBox(addresses), curl)
    }

    /// The address that the next call goes to.
    package var current: String { self.addresses.withLockedValue { $0.current } }

    /// - Parameter request: With a path in place of the address.
    package func start(
        _ request: CurlRequest, _ completion: @escaping @Sendable (Result<CurlResponse, CurlError>) -> Void
    ) {
        self.start(request, attempts: self.attempts, completion)
    }

    /// - Parameter request: With a path in place of the address.
    package func send(_ request: CurlRequest) async throws(CurlError) -> CurlResponse {
        var attempts = self.attempts
        while true {
            let address = self.current
            let result: Result<CurlResponse, CurlError>
            do throws(CurlError) { result = .success(try await self.curl.send(request.at(address))) } catch {
                result = .failure(error)
            }
            attempts -= 1
            if self.isFinal(result, from: address) || attempts == 0 { return try result.get() }
        }
    }

    /// All addresses, twice: see ``CenterAddresses``.
    private var attempts: Int {
        self.addresses.withLockedValue { $0.isSingle ? 1 : 2 * $0.all.count }
    }

    private func start(
        _ request: CurlRequest, attempts: Int,
        _ completion: @escaping @Sendable (Result<CurlResponse, CurlError>) -> Void
    ) {
        let address = self.current
        self.curl.start(request.at(address)) { result in
            guard !self.isFinal(result, from: address), attempts > 1 else { return completion(result) }
            self.start(request, attempts: attempts - 1, completion)
        }
    }

    /// Notes what an answer says about its center.
    ///
    /// - Returns: Whether it is the answer for the caller: the center leads, or may have carried the call out.
    private func isFinal(_ result: Result<CurlResponse, CurlError>, from address: String) -> Bool {
        switch result {
        case .success(let response):
            guard response.status == 503, let problem = try? JSON.decode(Problem.self, from: response.body),
                problem.code == Problem.notLeadingCode
            else {
                self.addresses.withLockedValue { $0.hear(.leads, from: address) }
                return true
            }
            self.addresses.withLockedValue { $0.hear(.standby(leader: problem.location), from: address) }
            return false
        case .failure(.transport(let reason)):
            self.addresses.withLockedValue { $0.hear(.silent, from: address) }
            return CurlError.transport(reason).mayHaveArrived
        case .failure: return true
        }
    }
}

extension CurlRequest {
    fileprivate func at(_ address: String) -> CurlRequest {
        var request = self
        request.url = address + self.url
        return request
    }
}

extension DaemonConfiguration {
    /// The addresses of the centers, from `center.url`: one, or several separated by commas.
    package func centers(_ transport: TransportConfiguration) throws(StartError) -> CenterAddresses {
        let text = try self.string("center.url")
        let addresses: CenterAddresses
        do throws(CenterAddresses.ParseError) { addresses = try CenterAddresses(text) } catch {
            switch error {
            case .empty(let place): throw StartError("center.url is \"\(text)\": address \(place) of the list is empty")
            case .tooMany(let count, let limit):
                throw StartError("center.url lists \(count) addresses, but at most \(limit) are allowed")
            case .repeated(let address): throw StartError("center.url is \"\(text)\", but lists \(address) twice")
            }
        }
        for address in addresses.all { try transport.check("center.url", url: address) }
        return addresses
    }
}
