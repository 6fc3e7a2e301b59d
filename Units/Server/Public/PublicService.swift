import DaemonSupport
import Edge
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle
import Sockets
import Threads

/// The public side of a unit: one listener, some lanes, and the ordinary stack behind them.
struct PublicService: Service {
    static let backlog: Int32 = 1_024

    let configuration: UnitConfiguration
    let gate: TokenGate
    let router: RouterResponder<TrancheContext>
    let logger: Logger

    func run() async throws {
        let listener = try Socket.listen(
            host: self.configuration.publicHost, port: self.configuration.publicPort, backlog: Self.backlog)
        defer { Socket.close(listener) }
        let limits = EdgeServer.possible(
            EdgeLimits(
                connections: self.configuration.connectionLimit,
                connectionsPerAddress: self.configuration.connectionLimitPerAddress, bodyBytes: PublicRoutes.bodyBytes),
            self.logger)
        let register = ConnectionRegister(limit: limits.connections, limitPerAddress: limits.connectionsPerAddress)
        let handover = Handover(
            responder: self.responder(limits), limits: limits, register: register, logger: self.logger)
        let lanes = try (1...self.configuration.lanes).map { number in
            try Lane(
                number: number, listener: listener, gate: self.gate, register: register,
                handover: handover, logger: self.logger)
        }
        for lane in lanes { self.gate.waiters.add(lane) }
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
    private func responder(_ limits: EdgeLimits) -> HTTPChannelHandler.Responder {
        let (responder, logger) = (EdgeResponder(self.router, bodyLimit: limits.bodyBytes), self.logger)
        return { request, writer, channel in
            let context = TrancheContext(source: .init(channel: channel, logger: logger))
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
