/// A request in the form that a lane reads itself, with its parts as ranges of the bytes that were parsed. Any other form
/// is `other` and never an error: the ordinary HTTP stack judges it.
package struct PlainRequest: Hashable, Sendable {
    /// A longer head is left to the ordinary stack, which has its own limit.
    package static let headBytesLimit = 4 << 10
    package static let fieldCountLimit = 64
    /// A longer body is left to the ordinary stack.
    package static let bodyBytesLimit = 4 << 10

    package enum Method: Hashable, Sendable { case get, post }

    package enum Outcome: Hashable, Sendable {
        case incomplete
        case other
        case request(PlainRequest)
    }

    package let method: Method
    /// The request's target: from its first slash up to the space before the version.
    package let target: Range<Int>
    /// The credential behind `Authorization: Bearer`.
    package let bearer: Range<Int>?
    package let ifNoneMatch: Range<Int>?
    package let acceptEncoding: Range<Int>?
    package let forwardedFor: Range<Int>?
    package let body: Range<Int>
    package let keepsAlive: Bool

    /// Bytes that the request takes.
    package var length: Int { self.body.upperBound }

    private static let get: StaticString = "GET /"
    private static let post: StaticString = "POST /"
    private static let version: StaticString = " HTTP/1.1\r\n"

    /// The request at the front of `bytes`, if it is whole and plain.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        guard bytes.count > 0 else { return .incomplete }
        let method: Method
        let start: Int
        if self.begins(bytes, self.get) {
            (method, start) = (.get, self.get.utf8CodeUnitCount - 1)
        } else if self.begins(bytes, self.post) {
            (method, start) = (.post, self.post.utf8CodeUnitCount - 1)
        } else {
            return .other
        }
        let limit = min(bytes.count, self.headBytesLimit)
        var end = start
        // Visible ASCII only. A fragment or another form of the target is for the ordinary stack.
        while end < limit, (33...126).contains(bytes[end]), bytes[end] != UInt8(ascii: "#") { end += 1 }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[min(end, bytes.count)...])
        guard rest.count >= self.version.utf8CodeUnitCount else {
            return end == bytes.count || self.begins(rest, self.version) ? self.unfinished(bytes) : .other
        }
        guard self.begins(rest, self.version) else { return .other }
        var fields = PlainFields(cursor: end + self.version.utf8CodeUnitCount)
        switch fields.parse(bytes) {
        case .unfinished: return self.unfinished(bytes)
        case .other: return .other
        case .done: break
        }
        guard fields.length <= self.bodyBytesLimit, method == .post || fields.length == 0 else { return .other }
        guard bytes.count >= fields.cursor + fields.length else { return .incomplete }
        return .request(
            PlainRequest(
                method: method, target: start..<end, bearer: fields.bearer, ifNoneMatch: fields.ifNoneMatch,
                acceptEncoding: fields.acceptEncoding, forwardedFor: fields.forwardedFor,
                body: fields.cursor..<(fields.cursor + fields.length), keepsAlive: fields.keepsAlive))
    }

    /// The outcome while the end of the head has not come.
    private static func unfinished(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        bytes.count >= self.headBytesLimit ? .other : .incomplete
    }

    /// Whether `bytes`, as far as they have come, begin with `text`.
    private static func begins(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        for offset in 0..<min(bytes.count, text.utf8CodeUnitCount) where bytes[offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }
}
