import Foundation
import Testing

extension EdgeTests {
    /// Too many bytes in, and answers that the client does not read.
    @Suite("Floods", .serialized) struct EdgeFloodTests {
        private static let mebibyte = 1 << 20
        /// What a flood may add to the memory of a process: half of what a process that reads on would need. Buffers of
        /// requests under way, and the allocator's, take up to 25 MiB.
        private static let growthMiB = 40

        private struct Flood {
            let name: String
            let listener: EdgeListener
            let connection: RawConnection
            let piece: [UInt8]
            var sent = 0
            var place = 0
            var isOver: Bool { self.sent >= 50 << 20 }

            /// Sends the bytes that the socket takes at once.
            ///
            /// - Returns: Whether the socket took any.
            mutating func push() -> Bool {
                guard !self.isOver, let count = self.connection.push(self.piece[self.place...]) else { return false }
                self.sent += count
                self.place = (self.place + count) % self.piece.count
                return count > 0
            }
        }

        /// Sends on all of them, without reading, and watches what the processes need for it.
        private func run(_ floods: inout [Flood], seconds: Double) async throws {
            let end = ContinuousClock.now + .seconds(seconds)
            var before: [Int32: Int] = [:]
            for flood in floods { before[flood.listener.pid] = flood.listener.residentMiB }
            var nextLook = ContinuousClock.now
            while ContinuousClock.now < end {
                var anything = false
                for place in floods.indices { anything = floods[place].push() || anything }
                if !anything { try await Task.sleep(for: .milliseconds(5)) }
                guard ContinuousClock.now >= nextLook else { continue }
                nextLook = ContinuousClock.now + .milliseconds(100)
                await Task.yield()
                for flood in floods {
                    let growth = flood.listener.residentMiB - (before[flood.listener.pid] ?? 0)
                    guard growth >= Self.growthMiB else { continue }
                    Issue.record("\(flood.name): \(growth) MiB more after \(flood.sent >> 20) MiB")
                    return
                }
            }
        }

        /// The first answers of a process need memory for the first time: those do not count.
        private func warmUp(_ listener: EdgeListener) async throws {
            let connection = try listener.connect()
            try await connection.send(String(repeating: EdgeListener.get(listener.path), count: 500))
            for _ in 0..<500 { _ = try await connection.answer() }
        }

        @Test("50 MiB behind a refused upgrade are not read") func bytesBehindUpgradeAreNotRead() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            var floods: [Flood] = []
            for listener in try cluster.listeners {
                try await self.warmUp(listener)
                for request in [
                    EdgeListener.get("/healthz", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
                    "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                ] {
                    let connection = try listener.connect()
                    try await connection.send(request)
                    #expect(try await connection.answer()?.status == 501, "\(listener)")
                    floods.append(
                        Flood(
                            name: "\(listener)", listener: listener, connection: connection,
                            piece: [UInt8](repeating: 120, count: Self.mebibyte)))
                }
            }
            try await self.run(&floods, seconds: 3.5)
            for flood in floods { #expect(try await flood.connection.end(seconds: 5) == "", "\(flood.name)") }
            #expect(try await cluster.buySurely(cluster.units[0], buyer: "somebody"))
        }

        @Test("a client that sends requests and reads no answers is not read for long") func unreadAnswersStopReading()
            async throws
        {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            var floods: [Flood] = []
            func add(_ name: String, _ listener: EdgeListener, _ request: String) throws {
                floods.append(
                    Flood(
                        name: name, listener: listener, connection: try listener.connect(),
                        piece: Array(String(repeating: request, count: 2_000).utf8)))
            }
            for listener in try cluster.listeners {
                try await self.warmUp(listener)
                try add("\(listener)", listener, EdgeListener.get(listener.path))
            }
            let lane = try cluster.listeners[0]
            try add("lane", lane, "GET /v1/orders/\(String(repeating: "0", count: 32)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await self.run(&floods, seconds: 3)
            for flood in floods { #expect(!flood.isOver, "\(flood.name): \(flood.sent >> 20) MiB were taken") }
            // Others are served meanwhile.
            let other = try lane.connect()
            try await other.send(cluster.order("somebody"))
            #expect(try await other.answer()?.status == 201)
        }
    }
}
