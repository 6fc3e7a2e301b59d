import Crypto
import HTTPTypes
package import Hummingbird
import NIOCore
package import TrancheAPI

/// The files of a page. They have a hash of their content in their names, so a cache may keep them for ever, and a new
/// version of the process has new names.
package struct PageAssets: Sendable {
    private struct Asset: Sendable {
        let file: Compressed
        let type: String
    }
    private var assets: [String: Asset] = [:]

    package init() {}

    /// Adds a file.
    ///
    /// - Returns: Its name with the hash.
    package mutating func add(_ name: String, _ suffix: String, _ bytes: [UInt8], _ type: String) -> String {
        let full = "\(name).\(Self.hash(bytes)).\(suffix)"
        self.assets[full] = Asset(file: Compressed(bytes), type: type)
        return full
    }

    /// The answer with the file of this name.
    ///
    /// - Throws: ``Problem`` with code `not_found`.
    package func answer(_ request: Request, name: String, policy: String) throws(Problem) -> Response {
        guard let asset = self.assets[name] else {
            throw Problem(status: 404, code: "not_found", detail: "there is no file of this name")
        }
        return Self.answer(
            request, asset.file, type: asset.type, cache: "public, max-age=31536000, immutable", policy: policy)
    }

    /// The answer with a file, in the smallest form that the client takes.
    ///
    /// - Parameter policy: What a page may load and call (Content Security Policy, level 3).
    package static func answer(
        _ request: Request, _ file: Compressed, type: String, cache: String, policy: String
    ) -> Response {
        let (bytes, coding) = file.form(acceptEncoding: request.headers[.acceptEncoding] ?? "")
        let tag = "\"\(self.hash(bytes))\""
        var headers: HTTPFields = [
            .contentType: type, .cacheControl: cache, .eTag: tag, .xContentTypeOptions: "nosniff",
        ]
        headers[.contentSecurityPolicy] = policy
        headers[.vary] = "Accept-Encoding"
        headers[.contentEncoding] = coding
        if let name = HTTPField.Name("Referrer-Policy") { headers[name] = "no-referrer" }
        if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static func hash(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).prefix(8).map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
    }
}
