package import NIOHTTP1
package import TrancheAPI

/// Why a request is refused before any router sees it. The connection is closed behind the answer.
package enum EdgeRefusal: String, Hashable, Sendable {
    /// The decoder could not read it.
    case malformed
    /// Another protocol is asked for, by `Upgrade` or by CONNECT.
    case upgrade
    /// A transfer coding other than one `chunked`.
    case transferCoding
    case bodyTooLarge
    case headTooLarge
    /// The head did not come in time.
    case tooSlow

    /// Carries the refusal to the responder. What a client sends under this name is dropped.
    package static let field = "x-tranche-edge-refusal"

    /// - Returns: `nil` for a request that a router may see.
    package static func judge(_ head: HTTPRequestHead, bodyLimit: Int) -> EdgeRefusal? {
        // A decoder that believes in an upgrade stops reading requests, and keeps whatever comes.
        if head.method == .CONNECT || head.headers.contains(name: "upgrade") { return .upgrade }
        if head.headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) {
            return .upgrade
        }
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            // RFC 9112, section 6.1: a coding that is not understood is 501; two lengths are an attack on a proxy.
            guard codings.count == 1, codings[0].lowercased() == "chunked", head.version.minor >= 1 else {
                return .transferCoding
            }
            return head.headers.contains(name: "content-length") ? .malformed : nil
        }
        let lengths = head.headers["content-length"]
        guard lengths.count <= 1 else { return .malformed }
        guard let length = lengths.first else { return nil }
        guard !length.isEmpty, length.utf8.allSatisfy({ (48...57).contains($0) }) else { return .malformed }
        // More digits than a number holds are too many bytes, too.
        guard let bytes = Int(length), bytes <= bodyLimit else { return .bodyTooLarge }
        return nil
    }

    package func problem(bodyLimit: Int) -> Problem {
        switch self {
        case .malformed:
            Problem(status: 400, code: "bad_request", detail: "the request is not HTTP/1.1 as RFC 9112 has it")
        case .upgrade:
            Problem(
                status: 501, code: "not_implemented",
                detail: "no other protocol is spoken here: send no Upgrade, no CONNECT")
        case .transferCoding:
            Problem(
                status: 501, code: "not_implemented",
                detail: "the only transfer coding that is understood here is one \"chunked\"")
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
    /// A request that did not become whole in time.
    package static var slowRequest: Problem {
        let (head, body) = (EdgeLimits.headMicroseconds / 1_000_000, EdgeLimits.bodyMicroseconds / 1_000_000)
        return Problem(
            status: 408, code: "request_timeout",
            detail: "a request's head must come within \(head) s of its first byte, and its body within \(body) s")
    }

    /// A connection more than an address may have.
    package static func tooManyConnections(limit: Int) -> Problem {
        Problem(
            status: 503, code: "too_many_connections", detail: "an address may have \(limit) connections here",
            retryAfter: 1)
    }
}
