import Foundation
import Testing
import TrancheCore

/// Hostile clients at the listeners. The tests run one after the other: each has its own processes, and some use much
/// memory.
@Suite("Edge", .serialized, .timeLimit(.minutes(3))) enum EdgeTests {}

extension EdgeTests {
    /// Where one request ends and the next one begins.
    @Suite("Framing", .serialized) struct EdgeFramingTests {
        private typealias Requests = EdgeListener

        @Test("40 requests in one write, and bytes that come one by one, are answered in order")
        func pipelinedRequestsAreAnsweredInOrder() async throws {
            let cluster = try await TestCluster.start(stock: 100, limit: 1)
            defer { cluster.stop() }
            #expect(try await cluster.buySurely(cluster.units[0], buyer: "first"))
            for listener in try cluster.listeners {
                let all = try listener.connect()
                // Every answer is known by its number, or by what it is.
                try await all.send((0..<40).map { $0 % 3 == 0 ? Requests.get() : Requests.get("/no/\($0)") }.joined())
                for number in 0..<40 {
                    let answer = try #require(try await all.answer(), "\(listener): answer \(number)")
                    #expect(answer.status == (number % 3 == 0 ? 200 : 404), "\(listener): answer \(number)")
                    #expect(number % 3 == 0 || answer.text.contains("/no/\(number)"), "\(listener)")
                }
                let slow = try listener.connect()
                for byte in Requests.get() + Requests.get("/nowhere") { try await slow.send(String(byte)) }
                #expect(try await [slow.answer(), slow.answer()].map(\.?.status) == [200, 404], "\(listener)")
            }
            let lane = try cluster.listeners[0].connect()
            try await lane.send((0..<40).map { cluster.order("buyer\($0)") }.joined())
            for number in 0..<40 { #expect(try await lane.answer()?.status == 201, "order \(number)") }
            for byte in cluster.order("slow") { try await lane.send(String(byte)) }
            #expect(try await lane.answer()?.status == 201)
        }

        @Test("more requests in one piece than one request may have bytes are still answered")
        func longPipelineIsAnswered() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let count = 6_000
            for listener in try cluster.listeners {
                let connection = try listener.connect()
                try await connection.send(String(repeating: Requests.get(), count: count))
                for number in 0..<count {
                    guard try await connection.answer()?.status == 200 else {
                        Issue.record("\(listener): no answer \(number)")
                        break
                    }
                }
            }
        }

        /// A request that no listener serves, its name, and the expected result.
        private static let refused: [(name: String, request: String, statuses: Set<Int>)] = [
            ("upgrade", get("Connection: Upgrade\r\nUpgrade: h2c\r\n"), [501]),
            ("upgrade beside", get("Connection: keep-alive, upgrade\r\n"), [501]),
            ("CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", [501]),
            ("gzip", post("Transfer-Encoding: gzip, chunked\r\n"), [400, 501]),
            ("twice chunked", post("Transfer-Encoding: chunked, chunked\r\n"), [400, 501]),
            ("two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), [400, 501]),
            ("almost chunked", post("Transfer-Encoding: xchunked\r\n"), [400, 501]),
            ("length and coding", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), [400, 501]),
            ("coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), [400, 501]),
            ("two lengths", post("Content-Length: 0\r\nContent-Length: 44\r\n"), [400]),
            ("list of lengths", post("Content-Length: 0, 44\r\n"), [400]),
            ("signed length", post("Content-Length: +44\r\n"), [400]),
            ("coding of 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", [400, 501]),
            ("2^63", post("Content-Length: 9223372036854775808\r\n"), [400, 413]),
            ("2^64", post("Content-Length: 18446744073709551616\r\n"), [400, 413]),
            ("not HTTP", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n", [400]),
            ("other protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 501]),
            ("space in a name", get("X y: z\r\n"), [400]),
            ("long field", get("X: \(String(repeating: "y", count: 20_000))\r\n"), [431]),
            ("many fields", get(String(repeating: "X: y\r\n", count: 100)), [431]),
            ("long list", get(String(repeating: "X: \(String(repeating: "y", count: 900))\r\n", count: 30)), [431]),
            ("long address", "GET /\(String(repeating: "y", count: 20_000)) HTTP/1.1\r\nHost: x\r\n\r\n", [414, 431]),
        ]

        private static func get(_ fields: String) -> String { EdgeListener.get("/healthz", fields) }

        private static func post(_ fields: String) -> String {
            "POST /v1/lots/1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\(fields)\r\n"
        }

        @Test("a request that can be read in two ways is refused, and nothing behind it is served")
        func ambiguousRequestsAreRefused() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            for listener in try cluster.listeners {
                var open: [(name: String, connection: RawConnection)] = []
                for (name, request, statuses) in Self.refused {
                    let connection = try listener.connect()
                    // The body is also a request: a reader that loses the boundary would serve it.
                    try await connection.send(Requests.get() + request + "0\r\n\r\n" + Requests.get("/smuggled"))
                    #expect(try await connection.answer()?.status == 200, "\(listener), \(name)")
                    let answer = try await connection.answer()
                    #expect(
                        statuses.contains(answer?.status ?? 0), "\(listener), \(name): \(String(describing: answer))")
                    #expect(answer?.isLast == true && answer?.code.isEmpty == false, "\(listener), \(name)")
                    open.append((name, connection))
                }
                for (name, connection) in open {
                    #expect(try await connection.end(seconds: 8) == "", "\(listener), \(name): nothing more is said")
                }
            }
        }

        @Test(
            "a body that is too long is refused before it arrives; an answer to HEAD has no body, and the next answer is whole"
        )
        func longBodyIsRefusedBeforeItComes() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            for listener in try cluster.listeners {
                let long = try listener.connect()
                try await long.send(Self.post("Content-Length: \(listener.bodyLimit + 1)\r\n"))
                let answer = try await long.answer()
                #expect(answer?.status == 413 && answer?.code == "body_too_large", "\(listener)")
                #expect(answer?.text.contains("\(listener.bodyLimit)") == true, "the limit is named")
                #expect(try await long.end(seconds: 8) == "")

                let head = try listener.connect()
                for path in ["/healthz", listener.path, "/nowhere"] {
                    try await head.send("HEAD \(path) HTTP/1.1\r\nHost: x\r\n\r\n" + Requests.get(path))
                    let (first, second) = (try await head.answer(isHead: true), try await head.answer())
                    #expect(first?.status == second?.status, "\(listener), \(path)")
                    #expect(
                        first?.fields["content-length"] == second.map { "\($0.body.count)" }, "\(listener), \(path)")
                }
            }
        }

        @Test("HEAD of a stream ends with its head") func headOfStreamEndsWithItsHead() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let connection = try cluster.listeners[0].connect()
            try await connection.send(cluster.order("first"))
            let order = try #require(try await connection.answer()?.fields["location"])
            try await connection.send("HEAD \(order)/events HTTP/1.1\r\nHost: x\r\n\r\n" + Requests.get(order))
            #expect(try await connection.answer(isHead: true)?.status == 200)
            #expect(try await connection.answer()?.text.contains("reserved") == true)
        }
    }
}
