import DaemonSupport
import Foundation
import Sockets
import Testing

extension EdgeTests {
    /// Crowds of connections: those that do nothing, those that leave, and those that are too many.
    @Suite("Connections", .serialized) struct EdgeConnectionTests {
        init() { _ = Descriptors.raiseLimit() }

        /// Asks for the health of the process.
        private func isServed(_ connection: RawConnection) async throws -> Bool {
            try await connection.send(EdgeListener.get())
            return try await connection.answer()?.status == 200
        }

        @Test("2,000 connections that send nothing, or a part of a request, keep no buyer away")
        func idleConnectionsKeepNoBuyerAway() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let listener = try cluster.listeners[0]
            let before = listener.openFiles
            var idle: [RawConnection] = []
            for number in 0..<2_000 {
                let connection = try listener.connect(from: "127.0.0.\(11 + number % 4)")
                if number % 2 == 0 { try await connection.send("POST /v1/lots/1/orders HT") }
                idle.append(connection)
            }
            let buyer = try listener.connect()
            try await buyer.send(cluster.order("buyer"))
            #expect(try await buyer.answer(seconds: 2)?.status == 201)
            #expect(idle.allSatisfy { !$0.hasNews }, "no connection was closed: there is room")
            idle.removeAll()
            try await cluster.wait(for: "2,000 places") { listener.openFiles <= before + 20 }
        }

        @Test("500 connections that close in the middle of a request leave no resources in use")
        func leaversLeaveNothingBehind() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let listeners = try cluster.listeners
            let halves = ["POST /v1/lots/1/orders HTTP/1.1\r\nHost", "GET /healthz HTTP/1.1\r\nX: ", "GET /healt"]
            let before = listeners.map(\.openFiles)
            for listener in listeners {
                for number in 0..<500 { try await listener.connect().send(halves[number % halves.count]) }
            }
            for (listener, count) in zip(listeners, before) {
                try await cluster.wait(for: "files of \(listener)") { listener.openFiles <= count + 20 }
                #expect(try await self.isServed(listener.connect()), "\(listener)")
            }
            let buyer = try listeners[0].connect()
            try await buyer.send(cluster.order("buyer"))
            #expect(try await buyer.answer()?.status == 201)
        }

        @Test("a client that sends forty requests and closes its side gets forty answers")
        func halfClosedConnectionGetsAllAnswers() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let question = EdgeListener.get("/v1/orders/00000000000000ab00000000000000cd")
            for _ in 0..<20 {
                let connection = try cluster.listeners[0].connect()
                try await connection.send(String(repeating: question, count: 40))
                connection.finishSending()
                for number in 0..<40 {
                    #expect(try await connection.answer()?.status == 404, "answer \(number)")
                }
                #expect(try await connection.end() == "")
            }
        }

        /// Opens connections from one address until one is refused.
        private func fill(_ listener: EdgeListener, from source: String, limit: Int) async throws -> [RawConnection] {
            var open: [RawConnection] = []
            for number in 0..<limit {
                open.append(try listener.connect(from: source))
                #expect(try await self.isServed(open[number]), "\(listener): connection \(number) of \(limit)")
            }
            for _ in 0..<5 {
                let refused = try listener.connect(from: source)
                // Its bytes may cross with the refusal, which is lost then.
                if let answer = try await refused.answer() {
                    #expect(answer.status == 503 && answer.code == "too_many_connections", "\(listener)")
                    #expect(answer.isLast && answer.fields["retry-after"] == "1", "\(listener)")
                    #expect(answer.text.contains("\(limit)"), "the limit is named")
                } else {
                    Issue.record("\(listener): a connection that had sent nothing got no reason")
                }
                #expect(try await refused.end() == "")
            }
            #expect(try await self.isServed(listener.connect(from: "127.0.0.9")), "others are served")
            return open
        }

        @Test("an address has its share, and no more") func addressHasItsShare() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let settings = "  connections: 40\n  address:\n    connections: 10\n"
            let unit = try await cluster.replaceUnit(cluster.units[0], settings: settings)
            defer { unit.crash() }
            for (listener, limit) in zip(try cluster.listeners, [10, 512]) {
                var open = try await self.fill(listener, from: "127.0.0.11", limit: limit)
                open.removeLast()
                // A closed connection frees its share.
                try await cluster.wait(for: "place at \(listener)") {
                    let next = try listener.connect(from: "127.0.0.11")
                    return try await self.isServed(next)
                }
                #expect(open.allSatisfy { !$0.hasNews }, "\(listener): no other connection was closed for it")
            }
        }

        @Test("when the listener is full the oldest idle connections are closed, and new ones stay within the limit")
        func fullListenerClosesOldestIdle() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let settings = "  connections: 40\n  address:\n    connections: 10\n"
            let unit = try await cluster.replaceUnit(cluster.units[0], settings: settings)
            defer { unit.crash() }
            for (listener, places) in zip(try cluster.listeners, [(40, 10), (1_024, 512)]) {
                let (limit, share) = places
                var open: [RawConnection] = []
                for number in 0..<(limit * 3 / 2) {
                    let connection = try listener.connect(from: "127.0.1.\(number / (share / 2) + 1)")
                    #expect(try await self.isServed(connection), "\(listener): newcomer \(number)")
                    open.append(connection)
                }
                try await cluster.wait(for: "room at \(listener)") {
                    open.count { !$0.hasNews } <= limit
                }
                #expect(open[0].hasNews, "\(listener): the oldest one has gone")
                #expect(open.suffix(limit / 4).allSatisfy { !$0.hasNews }, "\(listener): the last ones are there")
            }
        }
    }
}
