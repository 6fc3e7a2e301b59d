import DaemonSupport
import Foundation
import Testing

extension EdgeTests {
    /// What a public listener shows.
    @Suite("Audience", .serialized) struct EdgeAudienceTests {
        private func ask(_ listener: EdgeListener, _ path: String) async throws -> RawConnection.Answer? {
            let connection = try listener.connect()
            try await connection.send(EdgeListener.get(path, "Connection: Close\r\n"))
            let answer = try await connection.answer()
            #expect(answer?.isLast == true, "\(listener)\(path): the answer to `Connection: close` announces the close")
            #expect(try await connection.end(seconds: 8) == "", "\(listener)\(path)")
            return answer
        }

        @Test("metrics, the contract and reasons are on internal listeners only; health is on all")
        func figuresAreForInnerListeners() async throws {
            let cluster = try await TestCluster.start(stock: 10, limit: 1)
            defer { cluster.stop() }
            let listeners = try cluster.listeners
            for listener in listeners {
                let isInside = listener.description != "public"
                #expect(try await self.ask(listener, "/healthz")?.text == "ok\n", "\(listener)")
                #expect(try await self.ask(listener, "/readyz")?.status == 200, "\(listener)")
                for path in ["/metrics", "/openapi.yaml"] {
                    #expect(try await self.ask(listener, path)?.status == (isInside ? 200 : 404), "\(listener)\(path)")
                }
                if isInside { continue }
                for path in ["/metrics/", "//metrics", "/%6Detrics", "/x/../metrics", "/metrics?x"] {
                    #expect(try await self.ask(listener, path)?.status == 404, "\(path)")
                }
            }
            // Without the center no unit's ledger is vouched for: a reason that the public listener does not show.
            cluster.signalAll("tranche-config-center", SIGKILL)
            let unit = try await cluster.replaceUnit(cluster.units[0])
            defer { unit.crash() }
            let (outside, inside) = (
                try await self.ask(listeners[0], "/readyz"), try await self.ask(listeners[1], "/readyz")
            )
            #expect(outside?.status == 503 && inside?.status == 503)
            #expect(outside?.code == "not_ready" && inside?.code == "not_ready")
            #expect(inside?.text.contains("waiting for the config center") == true)
            #expect(outside?.text.contains("config center") == false)
        }
    }
}
