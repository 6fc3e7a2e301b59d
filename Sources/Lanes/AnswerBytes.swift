import DaemonSupport
package import TrancheAPI

/// The bytes of a lane's present answer, in one buffer that is used again.
package struct AnswerBytes {
    package private(set) var bytes: [UInt8] = []
    /// The body of the next ``encode(_:)``.
    package var body: [UInt8] = []

    /// For answers to pages of other origins.
    package static let crossOrigin = Array(CrossOriginMiddleware<TrancheContext>.lines.utf8)

    package init() {
        self.bytes.reserveCapacity(1 << 10)
        self.body.reserveCapacity(512)
    }

    /// Takes bytes that were kept from an earlier answer.
    package mutating func reuse(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Writes a head and then ``body``.
    ///
    /// - Parameter head: Appends the status line and the fields, each with its CRLF; the length of the body is added.
    package mutating func encode(_ head: (inout [UInt8]) -> Void) {
        self.bytes.removeAll(keepingCapacity: true)
        head(&self.bytes)
        self.bytes.write("Content-Length: ")
        self.bytes.write(decimal: self.body.count)
        self.bytes.write("\r\n\r\n")
        self.bytes += self.body
    }

    package mutating func encode(_ problem: Problem) {
        self.body.removeAll(keepingCapacity: true)
        problem.encode(into: &self.body)
        self.encode { bytes in
            bytes.write("HTTP/1.1 ")
            bytes.write(decimal: problem.status)
            bytes.append(32)
            bytes += problem.code.utf8
            bytes.write("\r\nContent-Type: application/problem+json\r\n")
            bytes += Self.crossOrigin
            if let seconds = problem.retryAfter {
                bytes.write("Retry-After: ")
                bytes.write(decimal: seconds)
                bytes.write("\r\n")
            }
            if let location = problem.location, location.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
                bytes.write("Location: ")
                bytes += location.utf8
                bytes.write("\r\n")
            }
            if let challenge = problem.challenge {
                bytes.write("WWW-Authenticate: ")
                bytes += challenge.utf8
                bytes.write("\r\n")
            }
        }
    }

    /// Adds the field that says that the connection ends with this answer (RFC 9112, section 9.6).
    package mutating func sayClose() {
        guard let line = self.bytes.firstIndex(of: 10) else { return }
        self.bytes.insert(contentsOf: "Connection: close\r\n".utf8, at: line + 1)
    }
}
