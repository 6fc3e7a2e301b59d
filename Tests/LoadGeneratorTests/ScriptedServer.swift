import Foundation
import NIOConcurrencyHelpers
import Sockets

/// A server on 127.0.0.1 that answers its requests in turns from a list; `nil` closes the connection instead. Requests have no
/// body, and come whole.
final class ScriptedServer: Sendable {
    let port: Int
    private let asked: NIOLockedValueBox<[String]>
    private let listener: Int32

    init(_ answers: [String?]) throws {
        let port = try FreePorts.take()
        let listener = try Socket.listen(host: "127.0.0.1", port: port, backlog: 64)
        let asked = NIOLockedValueBox<[String]>([])
        (self.port, self.listener, self.asked) = (port, listener, asked)
        let poller = try Poller()
        try poller.add(listener, token: UInt64(listener), .read)
        Thread { Self.serve(listener, poller, answers, asked) }.start()
    }

    /// Of all requests so far, in their order.
    var paths: [String] { self.asked.withLockedValue { $0 } }

    func stop() { Socket.stopListening(self.listener) }

    /// An answer with a problem document, as a unit writes it.
    static func problem(_ status: Int, _ code: String) -> String {
        let body = "{\"type\":\"about:blank\",\"code\":\"\(code)\",\"detail\":\"a test\"}"
        return "HTTP/1.1 \(status) \(code)\r\nContent-Type: application/problem+json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let created = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"

    private static func serve(
        _ listener: Int32, _ poller: Poller, _ answers: [String?], _ asked: NIOLockedValueBox<[String]>
    ) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 16)
        defer { buffer.deallocate() }
        var (next, isListening) = (0, true)
        var open: Set<Int32> = []
        while isListening || !open.isEmpty {
            poller.wait(microseconds: 1_000_000) { readiness in
                let descriptor = Int32(readiness.token)
                if descriptor == listener {
                    if readiness.isClosed {
                        isListening = false
                        poller.remove(listener)
                        Socket.close(listener)
                    } else if let client = try? Socket.accept(listener) {
                        open.insert(client.descriptor)
                        try? poller.add(client.descriptor, token: UInt64(client.descriptor), .read)
                    }
                    return
                }
                if case .bytes(let count) = Socket.read(descriptor, into: buffer) {
                    let paths = Self.paths(String(decoding: buffer[..<count], as: UTF8.self))
                    var isWhole = true
                    for path in paths where isWhole {
                        asked.withLockedValue { $0.append(path) }
                        defer { next += 1 }
                        guard let answer = answers[next % answers.count] else {
                            isWhole = false
                            continue
                        }
                        _ = Array(answer.utf8).withUnsafeBytes { Socket.write(descriptor, $0) }
                    }
                    if isWhole { return }
                }
                open.remove(descriptor)
                Socket.close(descriptor)
            }
        }
    }

    private static func paths(_ text: String) -> [String] {
        text.split(separator: "\r\n\r\n").map { String($0.split(separator: " ")[1]) }
    }
}
