/// The fields of a plain request's head: those that no two readers of HTTP could read in different ways.
struct PlainFields {
    enum Result { case unfinished, other, done }

    /// Where the next line begins; at the end, the byte behind the head.
    var cursor: Int
    /// The credential behind `Bearer`.
    var bearer: Range<Int>?
    var ifNoneMatch: Range<Int>?
    var acceptEncoding: Range<Int>?
    var forwardedFor: Range<Int>?
    var length = 0
    var hasLength = false
    private var count = 0
    var keepsAlive = true

    init(cursor: Int) { self.cursor = cursor }

    /// Parses lines up to the empty one.
    mutating func parse(_ bytes: UnsafeRawBufferPointer) -> Result {
        let limit = min(bytes.count, PlainRequest.headBytesLimit)
        while true {
            guard let end = Self.lineEnd(bytes, self.cursor, limit) else { return .unfinished }
            guard bytes[end] == 13 else { return .other }
            guard end + 1 < limit else { return .unfinished }
            guard bytes[end + 1] == 10 else { return .other }
            let start = self.cursor
            self.cursor = end + 2
            if end == start { return .done }
            guard self.parseField(bytes, start, end) else { return .other }
        }
    }

    /// The first control character but for a tab, which should be the CR at the end of the line.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ limit: Int) -> Int? {
        var cursor = start
        while cursor < limit {
            let byte = bytes[cursor]
            if byte < 32 && byte != 9 || byte == 127 { return cursor }
            cursor += 1
        }
        return nil
    }

    /// - Returns: `false` for a field that a plain request does not have.
    private mutating func parseField(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        // The ordinary stack refuses a request with more of them.
        self.count += 1
        guard self.count <= PlainRequest.fieldCountLimit else { return false }
        // A name that another HTTP reader could read as another field is not plain.
        var colon = start
        while colon < end, Self.isTokenByte(bytes[colon]) { colon += 1 }
        guard colon > start, colon < end, bytes[colon] == 58 else { return false }
        var (first, last) = (colon + 1, end)
        while first < last, bytes[first] == 32 || bytes[first] == 9 { first += 1 }
        while first < last, bytes[last - 1] == 32 || bytes[last - 1] == 9 { last -= 1 }
        let value = first..<last
        switch colon - start {
        case 13 where Self.isName(bytes, start..<colon, "authorization"):
            guard self.bearer == nil, value.count > 7, Self.isName(bytes, first..<(first + 7), "bearer ") else {
                return false
            }
            self.bearer = (first + 7)..<last
        case 13 where Self.isName(bytes, start..<colon, "if-none-match"): return Self.keep(value, in: &self.ifNoneMatch)
        case 15 where Self.isName(bytes, start..<colon, "accept-encoding"):
            return Self.keep(value, in: &self.acceptEncoding)
        case 15 where Self.isName(bytes, start..<colon, "x-forwarded-for"):
            return Self.keep(value, in: &self.forwardedFor)
        case 14 where Self.isName(bytes, start..<colon, "content-length"): return self.parseLength(bytes, value)
        case 10 where Self.isName(bytes, start..<colon, "connection"):
            if Self.isName(bytes, value, "close") {
                self.keepsAlive = false
            } else if !Self.isName(bytes, value, "keep-alive") {
                return false
            }
        // No standard has this field, and some readers treat it as `Connection`.
        case 16 where Self.isName(bytes, start..<colon, "proxy-connection"): return false
        case 17 where Self.isName(bytes, start..<colon, "transfer-encoding"): return false
        case 6 where Self.isName(bytes, start..<colon, "expect"): return false
        case 7 where Self.isName(bytes, start..<colon, "upgrade"): return false
        default: break
        }
        return true
    }

    /// - Returns: `false` for a second field of the same name.
    private static func keep(_ value: Range<Int>, in field: inout Range<Int>?) -> Bool {
        guard field == nil else { return false }
        field = value
        return true
    }

    private mutating func parseLength(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) -> Bool {
        guard !self.hasLength, !value.isEmpty, value.count < 8 else { return false }
        self.hasLength = true
        for byte in bytes[value] {
            guard (48...57).contains(byte) else { return false }
            self.length = self.length * 10 + Int(byte - 48)
        }
        return true
    }

    /// A character of a field's name (RFC 9110, section 5.6.2).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    private static func isName(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count {
            let byte = bytes[range.lowerBound + offset]
            guard (byte >= 65 && byte <= 90 ? byte | 32 : byte) == name.utf8Start[offset] else { return false }
        }
        return true
    }
}
