package import DaemonSupport
package import Edge
import Foundation
import HTTPTypes
package import Hummingbird
import HummingbirdCore
package import Logging
import ServiceLifecycle
package import Sockets
import Threads

/// The public side of a process: one listener, some lanes, and the ordinary stack behind them.
package struct LaneService: Service {
    static let backlog: Int32 = 1_024

    package let host: String
    package let port: Int
    /// Lanes, at least 1; each has a thread.
    package let lanes: Int
    package let limits: EdgeLimits
    package let router: RouterResponder<TrancheContext>
    /// Whether a peer is a proxy, which must say first who its client is.
    package let isProxy: @Sendable (ClientAddress) -> Bool
    package let logger: Logger
    /// The desk of one lane, which the poller wakes. Called once for each lane, in the order of their numbers.
    package let makeDesk: @Sendable (Poller) -> any LaneDesk

    package init(
        host: String, port: Int, lanes: Int, limits: EdgeLimits, router: RouterResponder<TrancheContext>,
        isProxy: @escaping @Sendable (ClientAddress) -> Bool = { _ in false }, logger: Logger,
        makeDesk: @escaping @Sendable (Poller) -> any LaneDesk
    ) {
        (self.host, self.port, self.lanes, self.limits) = (host, port, lanes, limits)
        (self.router, self.isProxy, self.logger, self.makeDesk) = (router, isProxy, logger, makeDesk)
    }

    package func run() async throws {
        let listener = try Socket.listen(
            host: self.host, port: self.port, backlog: Self.backlog)
        defer { Socket.close(listener) }
        let limits = EdgeServer.possible(self.limits, self.logger)
        let register = ConnectionRegister(limit: limits.connections, limitPerAddress: limits.connectionsPerAddress)
        let handover = Handover(
            responder: self.responder(limits), limits: limits, register: register, logger: self.logger)
        let lanes = try (1...self.lanes).map { number in
            let poller = try Poller()
            return Lane(
                number: number, listener: listener, register: register, handover: handover, poller: poller,
                desk: self.makeDesk(poller), isProxy: self.isProxy, logger: self.logger)
        }
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { tasks in
                for lane in lanes { tasks.addTask { await Self.run(lane) } }
                await tasks.waitForAll()
                await handover.finish()
            }
        } onGracefulShutdown: {
            // The kernel refuses new clients at once.
            Socket.stopListening(listener)
            for lane in lanes { lane.stop() }
            handover.quiesce()
        }
    }

    private static func run(_ lane: Lane) async {
        await OwnedThread.run("lane \(lane.number)", stackBytes: 1 << 20, owning: [lane.owner]) { lane.run() }
    }

    /// The router as the connections of the ordinary stack see it.
    private func responder(_ limits: EdgeLimits) -> Handover.Responder {
        let (responder, logger) = (EdgeResponder(self.router, bodyLimit: limits.bodyBytes), self.logger)
        return { request, writer, channel, client in
            let context = TrancheContext(source: .init(channel: channel, logger: logger), peer: client)
            var response: Response
            do { response = try await responder.respond(to: request, context: context) } catch {
                response = Response(status: .internalServerError)
            }
            // RFC 9110, section 6.6.1.
            response.headers[.date] = HTTPDate.text(SystemClock.now())
            try await writer.write(response: response.head, body: response.body)
        }
    }
}
