import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers

/// The methods of each address, so that a wrong one is answered with 405 and `Allow` (RFC 9110, section 15.5.6).
package final class RouteTable: Sendable {
    private struct Route {
        let segments: [Substring]
        let method: HTTPRequest.Method
    }
    private let routes = NIOLockedValueBox<[Route]>([])

    package init() {}

    /// Reads the routes of a complete router.
    func read(_ router: Router<TrancheContext>) {
        let found = router.routes.map {
            Route(segments: $0.path.description.split(separator: "/").map { Substring(String($0)) }, method: $0.method)
        }
        self.routes.withLockedValue { $0 = found }
    }

    /// The methods of the address, sorted by name; empty if there is no such address.
    func methods(at path: String) -> [String] {
        let asked = path.split(separator: "/")
        let matching = self.routes.withLockedValue { routes in
            routes.filter { route in
                route.segments.count == asked.count
                    && zip(route.segments, asked).allSatisfy { isParameter($0) || $0 == $1 }
            }
        }
        // The router prefers a segment that is spelled out: `/sales/x/rules` is no step of `/sales/:sale/:step`.
        func literals(_ route: Route) -> Int { route.segments.count { !isParameter($0) } }
        let most = matching.map(literals).max()
        let found = matching.filter { literals($0) == most }.map(\.method.rawValue)
        // An address with GET also has HEAD.
        return Set(found.contains("GET") ? found + ["HEAD"] : found).sorted()
    }
}

private func isParameter(_ segment: Substring) -> Bool { segment.hasPrefix(":") || segment.hasPrefix("{") }
