package import NIOHTTP1
package import TrancheAPI

/// Why a request is refused before it reaches a router. The connection is closed after the answer.
package enum EdgeRefusal: String, Hashable, Sendable {
    /// The decoder could not read the request.
    case malformed
    /// The request asks for another protocol, by `Upgrade` or by CONNECT.
    case upgrade
    /// A transfer coding other than one `chunked`.
    case transferCoding
    case bodyTooLarge
    case headTooLarge
    /// The head did not arrive in time.
    case tooSlow

    /// The header field that carries the refusal to the responder. A field with this name from a client is dropped.
    package static let field = "x-tranche-edge-refusal"

    /// - Returns: `nil` for a request that may reach a router.
    package static func judge(_ head: HTTPRequestHead, bodyLimit: Int) -> EdgeRefusal? {
        // A decoder that accepts an upgrade stops reading requests, and buffers all bytes that follow.
        if head.method == .CONNECT || head.headers.contains(name: "upgrade") { return .upgrade }
        if head.headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) {
            return .upgrade
        }
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            // RFC 9112, section 6.1: an unknown coding is answered with 501; two lengths are an attack on a proxy.
            guard codings.count == 1, codings[0].lowercased() == "chunked", head.version.minor >= 1 else {
                return .transferCoding
            }
            return head.headers.contains(name: "content-length") ? .malformed : nil
        }
        let lengths = head.headers["content-length"]
        guard lengths.count <= 1 else { return .malformed }
        guard let length = lengths.first else { return nil }
        guard !length.isEmpty, length.utf8.allSatisfy({ (48...57).contains($0) }) else { return .malformed }
        // A length that does not fit into an integer is too large, too.
        guard let bytes = Int(length), bytes <= bodyLimit else { return .bodyTooLarge }
        return nil
    }

    package func problem(bodyLimit: Int) -> Problem {
        switch self {
        case .malformed:
            Problem(status: 400, code: "bad_request", detail: "the request is not valid HTTP/1.1 (RFC 9112)")
        case .upgrade:
            Problem(
                status: 501, code: "not_implemented",
                detail: "only HTTP/1.1 is supported: send no Upgrade and no CONNECT")
        case .transferCoding:
            Problem(
                status: 501, code: "not_implemented",
                detail: "the only supported transfer coding is a single \"chunked\"")
        case .bodyTooLarge:
            Problem(status: 413, code: "body_too_large", detail: "the body is longer than \(bodyLimit) bytes")
        case .headTooLarge:
            Problem(
                status: 431, code: "head_too_large",
                detail: "a request has at most \(EdgeLimits.fieldCount) fields, of \(EdgeLimits.fieldBytes) bytes each "
                    + "and \(EdgeLimits.fieldsBytes) bytes together")
        case .tooSlow: .slowRequest
        }
    }
}

extension Problem {
    /// A request that was not complete in time.
    package static var slowRequest: Problem {
        let (head, body) = (EdgeLimits.headMicroseconds / 1_000_000, EdgeLimits.bodyMicroseconds / 1_000_000)
        return Problem(
            status: 408, code: "request_timeout",
            detail: "a request's head must arrive within \(head) s of its first byte, and its body within \(body) s")
    }

    /// A connection beyond the limit of its address.
    package static func tooManyConnections(limit: Int) -> Problem {
        Problem(
            status: 503, code: "too_many_connections", detail: "an address may have \(limit) connections here",
            retryAfter: 1)
    }
}
