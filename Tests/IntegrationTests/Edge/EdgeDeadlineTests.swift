import Foundation
import Testing

extension EdgeTests {
    /// Requests that never become whole. All of them wait at the same time.
    @Suite("Deadlines", .serialized) struct EdgeDeadlineTests {
        private struct Slow {
            let name: String
            let connection: RawConnection
            /// The earliest and the latest second at which the refusal may come.
            let window: ClosedRange<Double>
        }

        /// A busy machine may be late; no refusal may be early.
        private static let head = 4.8...9.5
        private static let body = 9.8...14.5

        @Test("a slow head is refused after 5 s and a slow body after 10 s, although bytes keep coming")
        func slowHeadsAndBodiesAreRefused() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let start = ContinuousClock.now
            var slow: [Slow] = []
            let order = cluster.order("slow").dropLast()  // Its last end of a line.
            for listener in try cluster.listeners {
                let post = "POST /v1/lots/1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
                slow += [
                    Slow(name: "\(listener), head", connection: try listener.connect(), window: Self.head),
                    Slow(name: "\(listener), body", connection: try listener.connect(), window: Self.body),
                ]
                try await slow[slow.count - 2].connection.send("GET /healthz HTTP/1.1\r\nX: ")
                // A route that waits for its body. Without a valid credential the answer would come before the body.
                let path = "POST \(Self.bodyPath(listener)) HTTP/1.1\r\nHost: x\r\n"
                let start = listener.description == "public" ? post : path
                try await slow[slow.count - 1].connection.send(
                    start + Self.credential(listener, cluster)
                        + "X-Slow: 1\r\nTransfer-Encoding: chunked\r\n\r\n900\r\n")
            }
            let lane = try cluster.listeners[0]
            for (name, text, window) in [
                ("lane, head", order + "X: ", Self.head),
                ("lane, body", order + "Content-Length: 900\r\n\r\n", Self.body),
            ] {
                slow.append(Slow(name: name, connection: try lane.connect(), window: window))
                try await slow[slow.count - 1].connection.send(String(text))
            }
            try await self.check(slow, since: start)
            #expect(try await cluster.buySurely(cluster.units[0], buyer: "quick"))
        }

        /// Sends a byte from time to time on each connection without an answer.
        private func check(_ slow: [Slow], since start: ContinuousClock.Instant) async throws {
            var left = slow
            while !left.isEmpty {
                let elapsed = (ContinuousClock.now - start) / .seconds(1)
                for one in left where one.connection.hasNews {
                    #expect(one.window.contains(elapsed), "\(one.name): after \(elapsed) s")
                    let answer = try await one.connection.answer()
                    #expect(
                        answer?.status == 408 && answer?.code == "request_timeout",
                        "\(one.name): \(String(describing: answer))")
                    #expect(answer?.isLast == true, "\(one.name)")
                }
                for one in left where one.connection.hasNews {
                    #expect(try await one.connection.end(seconds: 8) == "", "\(one.name)")
                }
                left.removeAll { $0.connection.hasNews }
                guard elapsed < 20 else { throw TestFailure("nothing heard: \(left.map(\.name))") }
                for one in left { _ = one.connection.push(Array("y".utf8)[...]) }
                try await Task.sleep(for: .milliseconds(200))
            }
        }

        private static func bodyPath(_ listener: EdgeListener) -> String {
            switch listener.description {
            case "internal": "/internal/v1/tokens"
            case "center": "/v1/sales"
            default: "/internal/v1/units/1/contest"
            }
        }

        private static func credential(_ listener: EdgeListener, _ cluster: TestCluster) -> String {
            switch listener.description {
            case "public": ""
            case "internal": "Authorization: Bearer \(cluster.secret("TRANCHE_SHOP_SECRET"))\r\n"
            case "center": "Authorization: Bearer \(cluster.secret("TRANCHE_ADMIN_SECRET"))\r\n"
            default:
                "Authorization: Bearer \(cluster.environment(of: cluster.units[0])["TRANCHE_CONTEST_SECRET"] ?? "")\r\n"
            }
        }
    }
}
