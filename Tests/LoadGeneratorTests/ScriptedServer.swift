import Foundation
import Sockets

/// A server on 127.0.0.1 that answers its requests in turns from a list; `nil` closes the connection instead.
final class ScriptedServer: Sendable {
    let port: Int
    private let listener: Int32

    init(_ answers: [String?]) throws {
        let port = try FreePorts.take()
        let listener = try Socket.listen(host: "127.0.0.1", port: port, backlog: 64)
        (self.port, self.listener) = (port, listener)
        let poller = try Poller()
        try poller.add(listener, token: UInt64(listener), .read)
        Thread { Self.serve(listener, poller, answers) }.start()
    }

    func stop() { Socket.stopListening(self.listener) }

    /// An answer with a problem document, as a unit writes it.
    static func problem(_ status: Int, _ code: String) -> String {
        let body = "{\"type\":\"about:blank\",\"code\":\"\(code)\",\"detail\":\"a test\"}"
        return "HTTP/1.1 \(status) \(code)\r\nContent-Type: application/problem+json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let created = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"

    private static func serve(_ listener: Int32, _ poller: Poller, _ answers: [String?]) {
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
                let transfer = Socket.read(descriptor, into: buffer)
                if case .bytes = transfer {
                    defer { next += 1 }
                    if let answer = answers[next % answers.count] {
                        _ = Array(answer.utf8).withUnsafeBytes { Socket.write(descriptor, $0) }
                        return
                    }
                }
                open.remove(descriptor)
                Socket.close(descriptor)
            }
        }
    }
}
