import CCurl
import Foundation
import NIOConcurrencyHelpers
import Threads

/// Why a call got no answer. The server may have carried out the request, so repeat only idempotent requests.
package enum CurlError: Error, Hashable, Sendable, CustomStringConvertible {
    case setup(String)
    /// The connection was refused, timed out, or broke.
    case transport(String)
    /// Too many calls are in progress.
    case overloaded(limit: Int)
    /// The answer is longer than the caller allows.
    case bodyTooLarge(limit: Int)
    /// The address is one that this client does not connect to. Nothing was sent.
    case addressRefused
    case stopped

    package var description: String {
        switch self {
        case .setup(let reason): "the call could not be started: \(reason)"
        case .transport(let reason): reason
        case .overloaded(let limit): "more than \(limit) calls are in progress"
        case .bodyTooLarge(let limit): "the answer is longer than \(limit) bytes"
        case .addressRefused: "the receiver's address is private"
        case .stopped: "the client was stopped"
        }
    }

    /// Whether the request may have reached the server, although no answer came.
    package var mayHaveArrived: Bool {
        // Without a connection the request was not sent.
        if case .transport(let reason) = self { return !reason.lowercased().contains("connect to server") }
        return false
    }
}

package struct CurlRequest: Sendable {
    package var method: String
    package var url: String
    package var headers: [String: String]
    package var body: [UInt8]?
    package var timeoutMilliseconds: Int
    /// The longest answer.
    package var bodyLimitBytes: Int

    package init(
        _ method: String, _ url: String, headers: [String: String] = [:], body: [UInt8]? = nil,
        timeoutMilliseconds: Int = 5_000, bodyLimitBytes: Int = CurlClient.bodyLimitBytes
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeoutMilliseconds = timeoutMilliseconds
        self.bodyLimitBytes = bodyLimitBytes
    }
}

package struct CurlResponse: Sendable {
    package let status: Int
    package let body: [UInt8]
    /// Header fields with lower-case names.
    package let headers: [String: String]
}

/// The HTTP client of all processes: one libcurl multi handle on one thread, with keep-alive connections.
package final class CurlClient: Sendable {
    package static let callsLimit = 1_024
    package static let bodyLimitBytes = 128 << 20

    fileprivate struct Inbox {
        var calls: [CurlCall] = []
        /// Numbers of cancelled calls whose task has not continued yet.
        var cancelled: Set<UInt64> = []
        var count: UInt64 = 0
        var underway = 0
        var isStopped = false
    }
    private let inbox = NIOLockedValueBox(Inbox())
    // Any thread may call `curl_multi_wakeup`; only the loop's thread may call the handle's other functions.
    private nonisolated(unsafe) let multi: OpaquePointer

    /// - Parameters:
    ///   - tls: The certificates for addresses that begin with https://.
    ///   - door: Whether a connection to an address may be opened, by its 4 or 16 bytes; `nil`: to any.
    package init(tls: ClientTLS? = nil, door: (@Sendable ([UInt8]) -> Bool)? = nil) {
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        self.multi = OpaquePointer(curl_multi_init()!)
        let loop = CurlLoop(multi: self.multi, tls: tls, door: door)
        OwnedThread.start("curl", owning: [loop.owner]) { [inbox = self.inbox] in loop.run(inbox) }
    }

    /// Makes the call and waits for the whole answer, of any status. If the task is cancelled, the call ends at once
    /// with ``CurlError/stopped``, so that a long poll does not delay a shutdown.
    ///
    /// - Throws: ``CurlError``, also if more than ``callsLimit`` calls are in progress.
    package func send(_ request: CurlRequest) async throws(CurlError) -> CurlResponse {
        let number = self.inbox.withLockedValue { inbox in
            inbox.count += 1
            return inbox.count
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<CurlResponse, CurlError>, Never>) in
                self.start(request, number: number) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            self.inbox.withLockedValue { _ = $0.cancelled.insert(number) }
            curl_multi_wakeup(UnsafeMutableRawPointer(self.multi))
        }
        self.inbox.withLockedValue { _ = $0.cancelled.remove(number) }
        return try result.get()
    }

    /// Makes the call; `completion` runs on the client's thread, and must not block.
    package func start(
        _ request: CurlRequest, _ completion: @escaping @Sendable (Result<CurlResponse, CurlError>) -> Void
    ) {
        self.start(request, number: 0, completion)
    }

    private func start(
        _ request: CurlRequest, number: UInt64,
        _ completion: @escaping @Sendable (Result<CurlResponse, CurlError>) -> Void
    ) {
        let refusal = self.inbox.withLockedValue { inbox -> CurlError? in
            if inbox.isStopped || inbox.cancelled.contains(number) { return .stopped }
            if inbox.underway >= Self.callsLimit { return .overloaded(limit: Self.callsLimit) }
            inbox.underway += 1
            inbox.calls.append(CurlCall(request, number: number, completion))
            return nil
        }
        if let refusal { return completion(.failure(refusal)) }
        curl_multi_wakeup(UnsafeMutableRawPointer(self.multi))
    }

    /// Ends the thread; calls in progress fail with ``CurlError/stopped``.
    package func stop() {
        self.inbox.withLockedValue { $0.isStopped = true }
        curl_multi_wakeup(UnsafeMutableRawPointer(self.multi))
    }
}

/// One call; the loop's thread owns it after taking it from the inbox.
private final class CurlCall: @unchecked Sendable {  // Used by one thread at a time: the inbox hands it over.
    let request: CurlRequest
    /// 0 for a call that cannot be cancelled.
    let number: UInt64
    let completion: @Sendable (Result<CurlResponse, CurlError>) -> Void
    var body: [UInt8] = []
    var headers: [String: String] = [:]
    var isTooLarge = false
    var list: UnsafeMutablePointer<curl_slist>?
    /// For ``onOpen``; freed with the call.
    var doorCall: UnsafeMutablePointer<ccurl_door_call>?
    var door: (@Sendable ([UInt8]) -> Bool)?
    var isAddressRefused = false

    deinit { self.doorCall?.deallocate() }

    init(
        _ request: CurlRequest, number: UInt64,
        _ completion: @escaping @Sendable (Result<CurlResponse, CurlError>) -> Void
    ) {
        self.request = request
        self.number = number
        self.completion = completion
    }
}

/// The loop over the multi handle. It frees every handle that it made.
private final class CurlLoop: @unchecked Sendable {  // Every method checks the thread.
    let owner = ThreadOwner("the loop over libcurl's handle")
    private let multi: UnsafeMutableRawPointer
    private var idle: [UnsafeMutableRawPointer] = []
    private var active: [UnsafeMutableRawPointer: CurlCall] = [:]

    private let tls: ClientTLS?
    private let door: (@Sendable ([UInt8]) -> Bool)?

    init(multi: OpaquePointer, tls: ClientTLS?, door: (@Sendable ([UInt8]) -> Bool)?) {
        self.multi = UnsafeMutableRawPointer(multi)
        (self.tls, self.door) = (tls, door)
    }

    func run(_ inbox: NIOLockedValueBox<CurlClient.Inbox>) {
        self.owner.check()
        while true {
            let (calls, cancelled, isStopped) = inbox.withLockedValue { inbox in
                defer { inbox.calls = [] }
                return (inbox.calls, inbox.cancelled, inbox.isStopped)
            }
            if isStopped {
                self.finishAll(calls)
                return
            }
            for call in calls {
                if cancelled.contains(call.number) {
                    self.finish(call, .failure(.stopped), inbox)
                } else {
                    self.begin(call, inbox)
                }
            }
            if !cancelled.isEmpty { self.cancel(cancelled, inbox) }
            var running: Int32 = 0
            curl_multi_perform(self.multi, &running)
            self.collect(inbox)
            curl_multi_poll(self.multi, nil, 0, 1_000, nil)
        }
    }

    private func cancel(_ numbers: Set<UInt64>, _ inbox: NIOLockedValueBox<CurlClient.Inbox>) {
        self.owner.check()
        for (handle, call) in self.active where numbers.contains(call.number) {
            self.active[handle] = nil
            curl_multi_remove_handle(self.multi, handle)
            curl_easy_cleanup(handle)
            self.finish(call, .failure(.stopped), inbox)
        }
    }

    private func begin(_ call: CurlCall, _ inbox: NIOLockedValueBox<CurlClient.Inbox>) {
        self.owner.check()
        guard let handle = self.idle.popLast() ?? curl_easy_init() else {
            return self.finish(call, .failure(.setup("out of memory")), inbox)
        }
        let request = call.request
        // The loop keeps the call alive in `active` until the transfer has ended.
        let context = Unmanaged.passUnretained(call).toOpaque()
        _ = ccurl_set_string(handle, CURLOPT_URL, request.url)
        _ = ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)
        _ = ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, request.timeoutMilliseconds)
        _ = ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, min(request.timeoutMilliseconds, 2_000))
        _ = ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)  // libcurl must not use signals in a program with threads.
        _ = ccurl_set_long(handle, CURLOPT_TCP_NODELAY, 1)
        // Calls between processes ignore proxies from the environment.
        _ = ccurl_set_string(handle, CURLOPT_PROXY, "")
        _ = ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, self.tls?.isRequired == true ? "https" : "http,https")
        _ = ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        self.tls?.apply(to: handle)
        if let door { self.setDoor(door, of: call, handle) }
        var headers = request.headers
        if let body = request.body {
            headers["Expect"] = ""
            _ = ccurl_set_long(handle, CURLOPT_POSTFIELDSIZE, body.count)
            _ = body.withUnsafeBytes { bytes in
                // libcurl copies `POSTFIELDSIZE` bytes at once.
                ccurl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
            if body.isEmpty { _ = ccurl_set_string(handle, CURLOPT_COPYPOSTFIELDS, "") }
        }
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            call.list = curl_slist_append(call.list, value.isEmpty ? "\(name):" : "\(name): \(value)")
        }
        _ = ccurl_set_list(handle, CURLOPT_HTTPHEADER, call.list)
        _ = ccurl_set_sink(handle, CURLOPT_WRITEFUNCTION, onBody)
        _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = ccurl_set_sink(handle, CURLOPT_HEADERFUNCTION, onHeader)
        _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        self.active[handle] = call
        curl_multi_add_handle(self.multi, handle)
    }

    private func setDoor(
        _ door: @escaping @Sendable ([UInt8]) -> Bool, of call: CurlCall, _ handle: UnsafeMutableRawPointer
    ) {
        let doorCall = UnsafeMutablePointer<ccurl_door_call>.allocate(capacity: 1)
        doorCall.initialize(to: ccurl_door_call(door: onOpen, context: Unmanaged.passUnretained(call).toOpaque()))
        (call.doorCall, call.door) = (doorCall, door)
        _ = ccurl_set_door(handle, doorCall)
    }

    private func collect(_ inbox: NIOLockedValueBox<CurlClient.Inbox>) {
        self.owner.check()
        var left: Int32 = 0
        while let message = curl_multi_info_read(self.multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = ccurl_message_handle(message),
                let call = self.active.removeValue(forKey: handle)
            else { continue }
            let result = ccurl_message_result(message)
            var status = 0
            _ = ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
            curl_multi_remove_handle(self.multi, handle)
            curl_easy_reset(handle)  // The connection stays in the multi handle's pool.
            if self.idle.count < 64 { self.idle.append(handle) } else { curl_easy_cleanup(handle) }
            if call.isTooLarge {
                self.finish(call, .failure(.bodyTooLarge(limit: call.request.bodyLimitBytes)), inbox)
            } else if call.isAddressRefused, result != CURLE_OK {
                self.finish(call, .failure(.addressRefused), inbox)
            } else if result == CURLE_OK {
                self.finish(call, .success(CurlResponse(status: status, body: call.body, headers: call.headers)), inbox)
            } else {
                let reason = String(cString: curl_easy_strerror(result))
                self.finish(call, .failure(.transport("\(call.request.url): \(reason)")), inbox)
            }
        }
    }

    private func finish(
        _ call: CurlCall, _ result: Result<CurlResponse, CurlError>, _ inbox: NIOLockedValueBox<CurlClient.Inbox>
    ) {
        self.owner.check()
        curl_slist_free_all(call.list)
        call.list = nil
        inbox.withLockedValue { $0.underway -= 1 }
        call.completion(result)
    }

    private func finishAll(_ waiting: [CurlCall]) {
        self.owner.check()
        for (handle, call) in self.active {
            curl_multi_remove_handle(self.multi, handle)
            curl_easy_cleanup(handle)
            curl_slist_free_all(call.list)
            call.completion(.failure(.stopped))
        }
        for call in waiting { call.completion(.failure(.stopped)) }
        for handle in self.idle { curl_easy_cleanup(handle) }
        // The multi handle is not freed: another thread may still call `curl_multi_wakeup`. It exists until the process
        // ends.
    }
}

// libcurl calls these on the loop's thread, while the call is in `active`.
private func onOpen(_ context: UnsafeMutableRawPointer?, _ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let context else { return 0 }
    let call = Unmanaged<CurlCall>.fromOpaque(context).takeUnretainedValue()
    let isOpen = call.door?(Array(UnsafeBufferPointer(start: bytes, count: count))) ?? false
    if !isOpen { call.isAddressRefused = true }
    return isOpen ? 1 : 0
}

private func onBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context, let bytes else { return 0 }
    let call = Unmanaged<CurlCall>.fromOpaque(context).takeUnretainedValue()
    guard call.body.count + size * count <= call.request.bodyLimitBytes else {
        call.isTooLarge = true
        return 0
    }
    call.body.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

private func onHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context, let bytes else { return 0 }
    let call = Unmanaged<CurlCall>.fromOpaque(context).takeUnretainedValue()
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: size * count), as: UTF8.self)
    if let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
        call.headers[line[..<colon].lowercased()] = value
    }
    return size * count
}
