package import TrancheCore

/// Parses the two requests that come in crowds: a plain buy request, and a plain request for an order's status. Any
/// other form is `other` and never an error: the ordinary HTTP stack judges it.
package enum ExpressParser {
    package struct Request: Sendable {
        package enum Kind: Hashable, Sendable {
            /// `token` is a range of the bytes that were parsed.
            case buy(LotID, token: Range<Int>, quantity: Int)
            case status(OrderID)
        }
        package let kind: Kind
        package let keepsAlive: Bool
        /// Bytes that the request takes.
        package let length: Int
    }
    package enum Outcome: Sendable {
        case incomplete
        case other
        case request(Request)
    }

    /// A longer head is left to the ordinary stack, which has its own limit.
    package static let headBytesLimit = PlainRequest.headBytesLimit
    package static let bodyBytesLimit = 1 << 10
    private static let buyStart: StaticString = "POST /v1/lots/"
    private static let buyEnd: StaticString = "/orders HTTP/1.1\r\n"
    private static let statusStart: StaticString = "GET /v1/orders/"
    private static let statusEnd: StaticString = " HTTP/1.1\r\n"
    private static let orderDigits = 32

    /// The request at the front of `bytes`, if it is whole and plain.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        guard bytes.count > 0 else { return .incomplete }
        if self.begins(bytes, self.buyStart) { return self.buy(bytes) }
        if self.begins(bytes, self.statusStart) { return self.status(bytes) }
        return .other
    }

    /// Whether `bytes`, as far as they have come, begin with `text`.
    private static func begins(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        memoryEqual(bytes, 0, text, count: min(bytes.count, text.utf8CodeUnitCount))
    }

    private static func has(_ bytes: UnsafeRawBufferPointer, _ cursor: Int, _ text: StaticString) -> Bool {
        cursor + text.utf8CodeUnitCount <= bytes.count
            && memoryEqual(bytes, cursor, text, count: text.utf8CodeUnitCount)
    }

    private static func memoryEqual(
        _ bytes: UnsafeRawBufferPointer, _ cursor: Int, _ text: StaticString, count: Int
    ) -> Bool {
        for offset in 0..<count where bytes[cursor + offset] != text.utf8Start[offset] { return false }
        return true
    }

    /// The outcome while the end of the head has not come.
    private static func unfinished(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        bytes.count >= self.headBytesLimit ? .other : .incomplete
    }

    private static func buy(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        var cursor = self.buyStart.utf8CodeUnitCount
        var lot: UInt64 = 0
        let digits = cursor
        while cursor < bytes.count, (48...57).contains(bytes[cursor]), cursor - digits < 10 {
            lot = lot * 10 + UInt64(bytes[cursor] - 48)
            cursor += 1
        }
        if bytes.count - cursor < self.buyEnd.utf8CodeUnitCount {
            // Cut off in the first line: what is there must fit.
            let rest = UnsafeRawBufferPointer(rebasing: bytes[min(cursor, bytes.count)...])
            return self.begins(rest, self.buyEnd) ? .incomplete : .other
        }
        guard cursor > digits, lot <= UInt64(UInt32.max), self.has(bytes, cursor, self.buyEnd) else { return .other }
        var fields = PlainFields(cursor: cursor + self.buyEnd.utf8CodeUnitCount)
        switch fields.parse(bytes) {
        case .unfinished: return self.unfinished(bytes)
        case .other: return .other
        case .done: break
        }
        guard let token = fields.bearer, fields.length <= self.bodyBytesLimit else { return .other }
        let end = fields.cursor + fields.length
        guard bytes.count >= end else { return .incomplete }
        let body = UnsafeRawBufferPointer(rebasing: bytes[fields.cursor..<end])
        guard let quantity = self.quantity(body) else { return .other }
        return .request(
            Request(
                kind: .buy(LotID(UInt32(lot)), token: token, quantity: quantity), keepsAlive: fields.keepsAlive,
                length: end))
    }

    private static func status(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        let start = self.statusStart.utf8CodeUnitCount
        let end = start + self.orderDigits
        guard bytes.count >= end + self.statusEnd.utf8CodeUnitCount else {
            // Cut off in the first line: what is there must fit, or a short request for something else would wait here.
            let digits = bytes[min(start, bytes.count)..<min(end, bytes.count)]
            let rest = UnsafeRawBufferPointer(rebasing: bytes[min(end, bytes.count)...])
            return digits.allSatisfy({ self.digit($0) != nil }) && self.begins(rest, self.statusEnd)
                ? .incomplete : .other
        }
        guard self.has(bytes, end, self.statusEnd), let high = self.hex(bytes, start),
            let low = self.hex(bytes, start + 16)
        else { return .other }
        var fields = PlainFields(cursor: end + self.statusEnd.utf8CodeUnitCount)
        switch fields.parse(bytes) {
        case .unfinished: return self.unfinished(bytes)
        case .other: return .other
        case .done: break
        }
        guard fields.length == 0 else { return .other }
        return .request(
            Request(
                kind: .status(OrderID(high: high, low: low)), keepsAlive: fields.keepsAlive, length: fields.cursor))
    }

    /// 16 hexadecimal digits.
    private static func hex(_ bytes: UnsafeRawBufferPointer, _ cursor: Int) -> UInt64? {
        var value: UInt64 = 0
        for byte in bytes[cursor..<(cursor + 16)] {
            guard let digit = self.digit(byte) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }

    /// The quantity of `{"quantity": n}`; 1 for no body; `nil` if it must be read with more care.
    private static func quantity(_ body: UnsafeRawBufferPointer) -> Int? {
        if body.isEmpty { return 1 }
        var cursor = 0
        func skipSpace() {
            while cursor < body.count, [32, 9, 10, 13].contains(body[cursor]) { cursor += 1 }
        }
        func take(_ bytes: StaticString) -> Bool {
            skipSpace()
            guard cursor + bytes.utf8CodeUnitCount <= body.count else { return false }
            for offset in 0..<bytes.utf8CodeUnitCount where body[cursor + offset] != bytes.utf8Start[offset] {
                return false
            }
            cursor += bytes.utf8CodeUnitCount
            return true
        }
        guard take("{"), take("\"quantity\""), take(":") else { return nil }
        skipSpace()
        let digits = cursor
        var quantity = 0
        while cursor < body.count, (48...57).contains(body[cursor]), cursor - digits < 4 {
            quantity = quantity * 10 + Int(body[cursor] - 48)
            cursor += 1
        }
        // JSON has no leading zeros.
        guard cursor > digits, body[digits] != 48 || cursor == digits + 1, take("}") else { return nil }
        skipSpace()
        return cursor == body.count ? quantity : nil
    }
}
