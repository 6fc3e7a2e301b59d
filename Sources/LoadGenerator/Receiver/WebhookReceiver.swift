import Foundation
import NIOConcurrencyHelpers
import Sockets
import Threads

/// A server on 127.0.0.1 that receives webhooks, as fast or as badly as its caller wants. One thread serves all connections.
package final class WebhookReceiver: Sendable {
    package struct Request: Sendable {
        package let path: String
        /// Header fields with lower-case names.
        package let headers: [String: String]
        package let body: [UInt8]
    }
    package enum Answer: Sendable {
        case status(Int, headers: [String: String] = [:])
        /// These bytes, whatever they are.
        case raw([UInt8])
        /// Nothing, ever.
        case silence
        /// The connection is closed without an answer.
        case close
    }

    package let port: Int
    package var url: String { "http://127.0.0.1:\(self.port)/hook" }
    private let listener: Int32

    /// - Parameter answer: Called on the server's thread for each request, with its headers if `needsHeaders`.
    package init(
        port: Int? = nil, needsHeaders: Bool = true, _ answer: @escaping @Sendable (Request) -> Answer
    ) throws {
        let port = try port ?? FreePorts.take()
        self.listener = try Socket.listen(host: "127.0.0.1", port: port, backlog: 256)
        self.port = port
        let loop = ReceiverLoop(listener: self.listener, poller: try Poller(), needsHeaders: needsHeaders, answer)
        OwnedThread.start("receiver") { loop.run() }
    }

    /// Closes the listener and all connections.
    package func stop() { Socket.stopListening(self.listener) }
}

/// The receiver's thread.
private final class ReceiverLoop: @unchecked Sendable {  // One thread runs it.
    private struct Connection {
        var input: [UInt8] = []
        var output: [UInt8] = []
        var isEnding = false
    }
    private let listener: Int32
    private let poller: Poller
    private let needsHeaders: Bool
    private let answer: @Sendable (WebhookReceiver.Request) -> WebhookReceiver.Answer
    private var connections: [Int32: Connection] = [:]
    private var isRunning = true

    init(
        listener: Int32, poller: Poller, needsHeaders: Bool,
        _ answer: @escaping @Sendable (WebhookReceiver.Request) -> WebhookReceiver.Answer
    ) {
        (self.listener, self.poller, self.needsHeaders, self.answer) = (listener, poller, needsHeaders, answer)
    }

    func run() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        guard (try? self.poller.add(self.listener, token: UInt64(self.listener), .read)) != nil else { return }
        while self.isRunning {
            self.poller.wait(microseconds: 1_000_000) { readiness in
                let descriptor = Int32(readiness.token)
                if descriptor == self.listener { return self.accept(isClosed: readiness.isClosed) }
                if readiness.isReadable { self.read(descriptor, buffer) }
                if readiness.isWritable { self.write(descriptor) }
            }
        }
        for descriptor in self.connections.keys { Socket.close(descriptor) }
        self.poller.remove(self.listener)
        Socket.close(self.listener)
    }

    private func accept(isClosed: Bool) {
        if isClosed { self.isRunning = false }
        while self.isRunning, let client = try? Socket.accept(self.listener) {
            self.connections[client.descriptor] = Connection()
            try? self.poller.add(client.descriptor, token: UInt64(client.descriptor), .read)
        }
    }

    private func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) {
        guard var connection = self.connections.removeValue(forKey: descriptor) else { return }
        switch Socket.read(descriptor, into: buffer) {
        case .bytes(let count): connection.input.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        case .wouldBlock: break
        case .closed: return self.end(descriptor)
        }
        while let request = self.next(&connection.input) {
            switch self.answer(request) {
            case .status(let status, let headers):
                let fields = headers.map { "\($0): \($1)\r\n" }.joined()
                connection.output += Array("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\(fields)\r\n".utf8)
            case .raw(let bytes): connection.output += bytes
            case .silence: break
            case .close: return self.end(descriptor)
            }
        }
        self.connections[descriptor] = connection
        self.write(descriptor)
    }

    private func write(_ descriptor: Int32) {
        guard var connection = self.connections.removeValue(forKey: descriptor) else { return }
        if !connection.output.isEmpty {
            switch connection.output.withUnsafeBytes({ Socket.write(descriptor, $0) }) {
            case .bytes(let count): connection.output.removeFirst(count)
            case .wouldBlock: break
            case .closed: return self.end(descriptor)
            }
        }
        try? self.poller.change(
            descriptor, token: UInt64(descriptor), connection.output.isEmpty ? .read : [.read, .write])
        self.connections[descriptor] = connection
    }

    private func end(_ descriptor: Int32) {
        self.poller.remove(descriptor)
        Socket.close(descriptor)
    }

    /// Takes a whole request out of the input.
    private func next(_ input: inout [UInt8]) -> WebhookReceiver.Request? {
        let mark = Array("\r\n\r\n".utf8)
        guard input.count > 4,
            let end = (0...(input.count - 4)).first(where: {
                input[$0] == 13 && input[$0..<($0 + 4)].elementsEqual(mark)
            })
        else { return nil }
        let lines = String(decoding: input[..<end], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let isWanted = self.needsHeaders || line.lowercased().hasPrefix("content-length")
            guard isWanted else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
                .trimmingCharacters(in: .whitespaces)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        guard input.count >= end + 4 + length else { return nil }
        let body = Array(input[(end + 4)..<(end + 4 + length)])
        input.removeFirst(end + 4 + length)
        let words = (lines.first ?? "").split(separator: " ")
        return WebhookReceiver.Request(path: words.count > 1 ? String(words[1]) : "", headers: headers, body: body)
    }
}
