import Edge
import NIOHTTP1
import Testing
import TrancheAPI

/// Requests that never reach a router.
@Suite("Edge: requests that are refused") struct EdgeRefusalTests {
    private func judge(
        _ method: HTTPMethod = .POST, _ fields: (String, String)..., version: HTTPVersion = .http1_1
    ) -> EdgeRefusal? {
        EdgeRefusal.judge(
            HTTPRequestHead(version: version, method: method, uri: "/", headers: HTTPHeaders(fields)), bodyLimit: 100)
    }

    @Test("plain requests are served") func plainRequestsAreServed() {
        #expect(self.judge(.GET) == nil)
        #expect(self.judge(.POST, ("Content-Length", "100")) == nil)
        #expect(self.judge(.POST, ("Content-Length", "0")) == nil)
        #expect(self.judge(.POST, ("Transfer-Encoding", "Chunked")) == nil)
        #expect(self.judge(.GET, ("Connection", "keep-alive, close")) == nil)
    }

    @Test("requests for another protocol are refused") func otherProtocolsAreRefused() {
        #expect(self.judge(.CONNECT) == .upgrade)
        #expect(self.judge(.GET, ("Upgrade", "websocket")) == .upgrade)
        #expect(self.judge(.GET, ("Connection", "Upgrade")) == .upgrade)
        #expect(self.judge(.GET, ("Connection", "keep-alive , UPGRADE")) == .upgrade)
        #expect(self.judge(.GET, ("Connection", "close"), ("Connection", "upgrade")) == .upgrade)
    }

    @Test("a single `chunked` is the only transfer coding, and none is allowed in HTTP/1.0")
    func onlyOneChunkedCodingIsTaken() {
        for value in ["gzip, chunked", "chunked, chunked", "chunked, identity", "identity", "gzip", "xchunked", ""] {
            #expect(self.judge(.POST, ("Transfer-Encoding", value)) == .transferCoding, "\(value)")
        }
        #expect(
            self.judge(.POST, ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")) == .transferCoding)
        #expect(self.judge(.POST, ("Transfer-Encoding", "chunked"), version: .http1_0) == .transferCoding)
    }

    @Test("a request has one length") func requestHasOneLength() {
        #expect(self.judge(.POST, ("Content-Length", "1"), ("Transfer-Encoding", "chunked")) == .malformed)
        #expect(self.judge(.POST, ("Content-Length", "1"), ("Content-Length", "1")) == .malformed)
        for value in ["", "+1", "-1", "1, 1", "0x1", "1 ", "١"] {
            #expect(self.judge(.POST, ("Content-Length", value)) == .malformed, "\(value)")
        }
        for value in ["101", "9223372036854775807", "9223372036854775808", String(repeating: "9", count: 60)] {
            #expect(self.judge(.POST, ("Content-Length", value)) == .bodyTooLarge, "\(value)")
        }
    }

    @Test("every refusal has its own status and code, and names the limit")
    func everyRefusalHasItsCode() {
        let cases: [(EdgeRefusal, Int, String)] = [
            (.malformed, 400, "bad_request"), (.upgrade, 501, "not_implemented"),
            (.transferCoding, 501, "not_implemented"), (.bodyTooLarge, 413, "body_too_large"),
            (.headTooLarge, 431, "head_too_large"), (.tooSlow, 408, "request_timeout"),
        ]
        for (refusal, status, code) in cases {
            let problem = refusal.problem(bodyLimit: 1_234)
            #expect((problem.status, problem.code) == (status, code))
        }
        #expect(EdgeRefusal.bodyTooLarge.problem(bodyLimit: 1_234).detail.contains("1234"))
        #expect(EdgeRefusal.headTooLarge.problem(bodyLimit: 1).detail.contains("\(EdgeLimits.fieldsBytes)"))
        #expect(Problem.tooManyConnections(limit: 7).detail.contains("7 connections"))
    }
}
