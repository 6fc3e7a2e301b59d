package import DaemonSupport
import HTTPTypes
import Hummingbird
package import Logging
import NIOConcurrencyHelpers
import NIOPosix
import ServiceLifecycle
package import TrancheAPI

/// The links between the regions and the hub, which is the place of center and coordinators.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `REGION.delay` | one-way delay between the region and the hub, in milliseconds | required |
/// | `REGION.jitter` | random part of the delay, uniform between 0 and this, in milliseconds | 0 |
package struct WideAreaPlan: Hashable, Sendable, Codable {
    package var regions: [String: LinkState]

    package init(regions: [String: LinkState]) { self.regions = regions }

    package init(_ values: DaemonConfiguration, regions: [String]) throws(StartError) {
        var plan: [String: LinkState] = [:]
        for region in regions {
            plan[region] = LinkState(
                delayMilliseconds: Double(try values.number("\(region).delay", in: 0...60_000)),
                jitterMilliseconds: Double(try values.number("\(region).jitter", in: 0...60_000, default: 0)))
        }
        self.regions = plan
    }
}

/// A running set of links with their proxies, and an HTTP endpoint that changes them.
package final class WideArea: Sendable {
    package struct Report: Hashable, Sendable, Codable {
        package let name: String
        package let state: LinkState
        package let bytes: Int
    }
    package static let hub = "hub"

    private let links: [String: Link]
    private let proxies = NIOLockedValueBox<[LinkProxy]>([])
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let control = NIOLockedValueBox<Task<Void, any Error>?>(nil)

    package init(_ plan: WideAreaPlan) {
        var links: [String: Link] = [:]
        for (region, state) in plan.regions {
            for link in [Link(region, Self.hub, state), Link(Self.hub, region, state)] { links[link.name] = link }
        }
        self.links = links
    }

    /// Forwards connections from `port` to `target`, over the links between the two places.
    package func connect(port: Int, target: Int, from: String, to: String) async throws {
        guard let forward = self.links["\(from)>\(to)"], let backward = self.links["\(to)>\(from)"] else {
            throw Problem(status: 404, code: "unknown_link", detail: "there is no link between \(from) and \(to)")
        }
        let proxy = try await LinkProxy(
            port: port, target: target, forward: forward, backward: backward, group: self.group)
        self.proxies.withLockedValue { $0.append(proxy) }
    }

    package var report: [Report] {
        self.links.values.map { Report(name: $0.name, state: $0.state, bytes: $0.bytes) }.sorted { $0.name < $1.name }
    }

    /// - Throws: ``Problem`` with code `unknown_link` or `invalid_link`.
    package func set(_ name: String, _ state: LinkState) throws(Problem) {
        guard let link = self.links[name] else {
            throw Problem(
                status: 404, code: "unknown_link",
                detail:
                    "there is no link \"\(name.prefix(64))\"; known: \(self.links.keys.sorted().joined(separator: ", "))"
            )
        }
        if let problem = state.problem { throw Problem(status: 400, code: "invalid_link", detail: problem) }
        link.state = state
    }

    /// Serves `GET /links` and `PUT /links/{from}/{to}` on a port of this machine.
    package func serveControl(port: Int, logger: Logger) {
        let router = Router(context: TrancheContext.self)
        router.add(middleware: ProblemMiddleware(logger: logger, table: RouteTable()))
        router.get("/links") { _, _ in Response.json(self.report) }
        router.put("/links/:from/:to") { request, context in
            let name = "\(context.parameters.get("from") ?? "")>\(context.parameters.get("to") ?? "")"
            try self.set(name, try await request.document(LinkState.self, limit: 4 << 10))
            return Response.json(self.report.first { $0.name == name })
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        let task = Task { try await application.run() }
        self.control.withLockedValue { $0 = task }
    }

    package func close() async {
        self.control.withLockedValue { $0 }?.cancel()
        for proxy in self.proxies.withLockedValue({ $0 }) { await proxy.close() }
        try? await self.group.shutdownGracefully()
    }
}
