package import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
package import TrancheAPI

/// The request context of every router.
package typealias TrancheContext = BasicRequestContext

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

/// Turns every error into a problem document; nothing of a surprise leaks out.
package struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    private let logger: Logger
    private let table: RouteTable
    package init(logger: Logger, table: RouteTable) { (self.logger, self.table) = (logger, table) }

    package func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response)
        async throws -> Response
    {
        do { return try await next(request, context) } catch let problem as Problem {
            return problem.response
        } catch let error as HTTPError {
            let methods = error.status == .notFound ? self.table.methods(at: request.uri.path) : []
            if !methods.isEmpty {
                let allowed = methods.joined(separator: ", ")
                var response = Problem(
                    status: 405, code: "wrong_method", detail: "\(request.uri.path) takes \(allowed)"
                ).response
                response.headers[.allow] = allowed
                return response
            }
            let code = error.status.code == 404 ? "not_found" : "bad_request"
            return Problem(status: error.status.code, code: code, detail: "\(request.method) \(request.uri.path)")
                .response
        } catch {
            self.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return Problem(status: 500, code: "internal", detail: "the request failed; see the log").response
        }
    }
}
