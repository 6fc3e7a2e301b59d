import Foundation
import Sockets
import Testing
import TrancheCore

/// Buyers' connections to a unit, over plain sockets.
@Suite("Lanes", .serialized) struct LaneTests {
    /// A connection that sends any bytes.
    final class Wire {
        private let descriptor: Int32
        private let poller: Poller
        private var text = ""

        init(_ unit: TestCluster.Unit) throws {
            let port = Int(unit.url.split(separator: ":").last!)!
            self.descriptor = try Socket.connect(host: "127.0.0.1", port: port)
            self.poller = try Poller()
            try self.poller.add(self.descriptor, token: 0, [.read, .write])
        }

        deinit { Socket.close(self.descriptor) }

        private func wait(for interest: Poller.Interest) {
            try? self.poller.change(self.descriptor, token: 0, interest)
            self.poller.wait(microseconds: 1_000_000) { _ in }
        }

        func send(_ text: String) {
            var left = Array(text.utf8)[...]
            let end = ContinuousClock.now + .seconds(20)
            while !left.isEmpty, ContinuousClock.now < end {
                switch left.withUnsafeBytes({ Socket.write(self.descriptor, $0) }) {
                case .bytes(let count): left = left.dropFirst(count)
                case .wouldBlock: self.wait(for: .write)
                case .closed: return
                }
            }
        }

        func finishSending() { Socket.finishWriting(self.descriptor) }

        /// Statuses of the answers, when there are so many, or when the other side has closed.
        func statuses(_ count: Int) -> [Int] {
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let end = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < end {
                let found = self.found
                if found.count >= count { return found }
                switch buffer.withUnsafeMutableBytes({ Socket.read(self.descriptor, into: $0) }) {
                case .bytes(let count): self.text += String(decoding: buffer[..<count], as: UTF8.self)
                case .wouldBlock: self.wait(for: .read)
                case .closed: return self.found
                }
            }
            return self.found
        }

        private var found: [Int] { self.text.matches(of: /HTTP\/1\.1 (\d{3})/).compactMap { Int($0.output.1) } }
    }

    private static func buy(_ token: String, _ fields: String = "") -> String {
        "POST /v1/lots/1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n\(fields)\r\n"
    }

    private static let unknown = "00000000000000000000000000000000"

    @Test(
        "requests in one write are answered in order: by the lane, and from the first other request on by the ordinary stack"
    )
    func pipelineIsAnsweredInOrderAcrossHandover() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        #expect(try await cluster.buySurely(unit, buyer: "first"))
        let (one, two) = (cluster.token(buyer: "one"), cluster.token(buyer: "two"))
        let status = "GET /v1/orders/\(Self.unknown) HTTP/1.1\r\nHost: x\r\n\r\n"
        let wire = try Wire(unit)
        wire.send(
            status + Self.buy("AAAA") + Self.buy(one) + Self.buy(one) + status
                + "GET /v1/lots/1 HTTP/1.1\r\nHost: x\r\n\r\n" + Self.buy(two)
                + "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.statuses(8) == [404, 401, 201, 201, 404, 200, 201, 404])

        // Short requests that only look like the lane's own.
        let other = try Wire(unit)
        other.send("GET /v1/orders/foo HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(other.statuses(1) == [404])

        // A thousand bad tokens in one piece, and more than a lane keeps behind a request: all answered.
        let flood = try Wire(unit)
        let count = 1_500
        flood.send(String(repeating: Self.buy("x"), count: count))
        #expect(flood.statuses(count) == [Int](repeating: 401, count: count))
    }

    @Test("a client that stops sending still gets every answer; `Connection: close` closes the connection")
    func halfClosedConnectionHearsEveryAnswer() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        #expect(try await cluster.buySurely(unit, buyer: "first"))
        let wire = try Wire(unit)
        wire.send(Self.buy(cluster.token(buyer: "one")) + Self.buy(cluster.token(buyer: "two")))
        wire.finishSending()
        #expect(wire.statuses(3) == [201, 201], "both answers, and then the end")
        let last = try Wire(unit)
        last.send(
            Self.buy(cluster.token(buyer: "three"), "Connection: close\r\n") + Self.buy(cluster.token(buyer: "four")))
        #expect(last.statuses(2) == [201], "nothing is served behind the last request")
        let cut = try Wire(unit)
        cut.send("POST /v1/lots/1/orders HTTP/1.1\r\nHost")
        cut.finishSending()
        #expect(cut.statuses(1) == [])
    }
}
