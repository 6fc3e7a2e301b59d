import TrancheAPI
import TrancheCore

/// The bytes of a lane's present answer, in one buffer that is used again.
struct LaneAnswers {
    /// Refusals whose bytes are kept: a sold-out lot gives the same one many times.
    static let keptRefusals = 64

    private(set) var bytes: [UInt8] = []
    private var body: [UInt8] = []
    private var kept: [Refusal: [UInt8]] = [:]

    init() {
        self.bytes.reserveCapacity(1 << 10)
        self.body.reserveCapacity(512)
    }

    /// - Parameter isStatus: The answer to a status request, not to a buy request.
    mutating func encode(_ answer: Answer, isStatus: Bool, position: WaitlistPosition?) {
        switch answer {
        case .order(let order): self.encode(order, isStatus: isStatus, position)
        case .refused(let refusal):
            if let bytes = self.kept[refusal] { return self.bytes = bytes }
            self.encode(Problem(refusal))
            if self.kept.count >= Self.keptRefusals { self.kept = [:] }
            self.kept[refusal] = self.bytes
        }
    }

    private mutating func encode(_ order: Order, isStatus: Bool, _ position: WaitlistPosition?) {
        self.body.removeAll(keepingCapacity: true)
        OrderDocument.encode(order, position, into: &self.body)
        self.bytes.removeAll(keepingCapacity: true)
        switch isStatus ? 200 : OrderDocument.status(of: order) {
        case 201: self.bytes.write("HTTP/1.1 201 Created\r\n")
        case 202: self.bytes.write("HTTP/1.1 202 Accepted\r\n")
        default: self.bytes.write("HTTP/1.1 200 OK\r\n")
        }
        if order.state == .contested { self.bytes.write("Retry-After: 1\r\n") }
        self.bytes.write("Content-Type: application/json\r\nCache-Control: no-store\r\nLocation: /v1/orders/")
        self.bytes.write(order.id)
        self.finish()
    }

    mutating func encode(_ problem: Problem) {
        self.body.removeAll(keepingCapacity: true)
        problem.encode(into: &self.body)
        self.bytes.removeAll(keepingCapacity: true)
        self.bytes.write("HTTP/1.1 ")
        self.bytes.write(decimal: problem.status)
        self.bytes.append(32)
        self.bytes += problem.code.utf8
        self.bytes.write("\r\nContent-Type: application/problem+json")
        if let seconds = problem.retryAfter {
            self.bytes.write("\r\nRetry-After: ")
            self.bytes.write(decimal: seconds)
        }
        if let location = problem.location, location.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            self.bytes.write("\r\nLocation: ")
            self.bytes += location.utf8
        }
        if let challenge = problem.challenge {
            self.bytes.write("\r\nWWW-Authenticate: ")
            self.bytes += challenge.utf8
        }
        self.finish()
    }

    /// Adds the field that says that the connection ends with this answer (RFC 9112, section 9.6).
    mutating func sayClose() {
        guard let line = self.bytes.firstIndex(of: 10) else { return }
        self.bytes.insert(contentsOf: "Connection: close\r\n".utf8, at: line + 1)
    }

    private mutating func finish() {
        self.bytes.write("\r\nContent-Length: ")
        self.bytes.write(decimal: self.body.count)
        self.bytes.write("\r\n\r\n")
        self.bytes += self.body
    }
}
