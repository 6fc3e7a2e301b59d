package import HTTPTypes
package import Hummingbird
import NIOCore
package import Sockets
package import TrancheAPI

/// The request context of every router.
package struct TrancheContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The other end of the connection: the client, as far as the listener knows, or a proxy.
    package let peer: ClientAddress

    package init(source: ApplicationRequestContextSource) { self.init(source: source, peer: nil) }

    /// - Parameter peer: The client, if it is known better than from the connection.
    package init(source: ApplicationRequestContextSource, peer: ClientAddress?) {
        self.coreContext = .init(source: source)
        self.peer =
            peer ?? source.channel.remoteAddress?.withSockAddr { address, _ in ClientAddress(address) } ?? .local
    }
}

extension Problem {
    package var response: Response {
        var headers: HTTPFields = [.contentType: "application/problem+json"]
        if let seconds = self.retryAfter { headers[.retryAfter] = String(seconds) }
        if let location = self.location { headers[.location] = location }
        if let challenge = self.challenge { headers[.wwwAuthenticate] = challenge }
        return Response(
            status: .init(code: self.status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: self.json)))
    }
}

extension Response {
    package static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:])
        -> Response
    {
        var fields = headers
        fields[.contentType] = "application/json"
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: JSON.encode(value))))
    }

    package static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

extension Request {
    /// The whole body.
    ///
    /// - Throws: ``Problem`` with code `body_too_large`.
    package func bytes(limit: Int) async throws(Problem) -> [UInt8] {
        if let length = self.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Self.tooLarge(limit)
        }
        do { return Array(buffer: try await self.body.collect(upTo: limit)) } catch { throw Self.tooLarge(limit) }
    }

    package func document<Value: Decodable>(_ type: Value.Type, limit: Int = 1 << 20) async throws(Problem) -> Value {
        try JSON.decode(type, from: try await self.bytes(limit: limit))
    }

    private static func tooLarge(_ limit: Int) -> Problem {
        Problem(status: 413, code: "body_too_large", detail: "the body is longer than \(limit) bytes")
    }

    /// The token of `Authorization: Bearer TOKEN`, or `nil`.
    package var bearer: Substring.UTF8View? {
        guard let field = self.headers[.authorization], field.lowercased().hasPrefix("bearer ") else { return nil }
        return field.dropFirst(7).utf8
    }
}
