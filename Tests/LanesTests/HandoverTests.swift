import DaemonSupport
import Edge
import ExpressParsing
import Glibc
import Hummingbird
import Lanes
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import Sockets
import Testing

@Suite("Connections that a lane hands over", .serialized) struct HandoverTests {
    /// Hands every request over.
    private final class NoDesk: LaneDesk {
        func serveFirst(of bytes: UnsafeRawBufferPointer, _ slot: Int, in lane: Lane) -> LaneRequest { .other }
        var hasQuestions: Bool { false }
        func handIn(of lane: Lane) {}
        func deliverPosted(in lane: Lane) {}
    }

    /// A proxy's connection for the client 203.0.113.7.
    private final class Proxied {
        static let client = ClientAddress(v4: 0xCB00_7107)
        private static let header =
            ProxyHeader.signature + [0x21, 0x11, 0, 12, 203, 0, 113, 7, 127, 0, 0, 1, 0x10, 0, 0x01, 0xBB]
        private static let request = Array("GET /who HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        private let descriptor: Int32
        private let poller: Poller

        /// - Throws: ``SocketError`` if the kernel refuses at once.
        init(port: Int) throws {
            self.descriptor = try Socket.connect(host: "127.0.0.1", port: port)
            self.poller = try Poller()
            try self.poller.add(self.descriptor, token: 0, .write)
        }

        deinit { Socket.close(self.descriptor) }

        /// - Returns: `false` if the connection was refused.
        func send() -> Bool {
            self.poller.wait(microseconds: 1_000_000) { _ in }
            let bytes = Self.header + Self.request
            return bytes.withUnsafeBytes { Socket.write(self.descriptor, $0) } == .bytes(bytes.count)
        }

        /// Whether an answer came before the connection ended.
        func isAnswered() -> Bool {
            try? self.poller.change(self.descriptor, token: 0, .read)
            var buffer = [UInt8](repeating: 0, count: 4_096)
            for _ in 0..<20 {
                self.poller.wait(microseconds: 500_000) { _ in }
                switch buffer.withUnsafeMutableBytes({ Socket.read(self.descriptor, into: $0) }) {
                case .bytes(let count):
                    return String(decoding: buffer[..<count], as: UTF8.self).hasPrefix("HTTP/1.1 200")
                case .wouldBlock: continue
                case .closed: return false
                }
            }
            return false
        }

        /// The connection ends with a reset, and not in order.
        func resetWhenClosed() {
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        }
    }

    @Test("each request is of the client whom the proxy names, also when the connection is reset behind it")
    func requestsKeepTheirClient() async throws {
        let port = try FreePorts.take()
        let peers = NIOLockedValueBox<[ClientAddress]>([])
        let router = Router(context: TrancheContext.self)
        router.get("/who") { _, context in
            peers.withLockedValue { $0.append(context.peer) }
            return Response.text("you\n")
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let service = LaneService(
            host: "127.0.0.1", port: port, lanes: 1,
            limits: EdgeLimits(connections: 1_000, connectionsPerAddress: 1_000, bodyBytes: 1_024),
            router: router.buildResponder(), isProxy: { _ in true }, logger: logger
        ) { _ in NoDesk() }
        let group = ServiceGroup(services: [service], logger: logger)
        let isAnswered = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var isAnswered = false
            // The service's own task waits while tests beside this one hold all threads of the pool.
            let end = ContinuousClock.now + .seconds(240)
            while !isAnswered, ContinuousClock.now < end {
                // The listener may not be there yet.
                let one = try Proxied(port: port)
                isAnswered = one.send() && one.isAnswered()
                if !isAnswered { try await Task.sleep(for: .milliseconds(10)) }
            }
            for _ in 0..<100 {
                let one = try Proxied(port: port)
                one.resetWhenClosed()
                _ = one.send()
            }
            let last = try Proxied(port: port)
            let isLastAnswered = last.send() && last.isAnswered()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return isAnswered && isLastAnswered
        }
        #expect(isAnswered)
        #expect(Set(peers.withLockedValue { $0 }) == [Proxied.client])
    }
}
