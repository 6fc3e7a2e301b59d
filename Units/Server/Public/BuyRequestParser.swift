package import NIOCore
import TrancheAPI
package import TrancheCore

/// Reads a plain buy request from bytes. Whatever is not exactly of that form is `other`, never an error: the ordinary
/// HTTP stack judges it.
package enum BuyRequestParser {
    package struct Parsed {
        package let lot: LotID
        package let token: [UInt8]
        package let quantity: Int
        package let keepsAlive: Bool
    }
    package enum Outcome {
        case incomplete
        case other
        case request(Parsed)
    }

    /// A longer head is left to the ordinary stack, which has its own limit.
    package static let headBytesLimit = 4 << 10
    package static let bodyBytesLimit = 1 << 10
    private static let start = Array("POST /v1/lots/".utf8)
    private static let end = Array("/orders HTTP/1.1\r\n".utf8)

    /// Takes one request from the front of `buffer`, if it is whole and plain.
    package static func parse(_ buffer: inout ByteBuffer) -> Outcome {
        let (outcome, length) = buffer.withUnsafeReadableBytes { bytes -> (Outcome, Int) in
            let prefix = min(bytes.count, self.start.count)
            guard zip(bytes.prefix(prefix), self.start).allSatisfy(==) else { return (.other, 0) }
            guard let head = self.headLength(bytes) else {
                return (bytes.count > self.headBytesLimit ? .other : .incomplete, 0)
            }
            return self.parse(bytes, head: head)
        }
        buffer.moveReaderIndex(forwardBy: length)
        if buffer.readableBytes == 0 { buffer.clear() }
        return outcome
    }

    /// Length of the head with its empty line.
    private static func headLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var place = self.start.count
        let last = min(bytes.count, self.headBytesLimit)
        while place + 3 < last {
            if bytes[place + 3] == 10, bytes[place + 2] == 13, bytes[place + 1] == 10, bytes[place] == 13 {
                return place + 4
            }
            place += 1
        }
        return nil
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer, head: Int) -> (Outcome, Int) {
        var place = self.start.count
        var lot: UInt64 = 0
        let digits = place
        while place < head, (48...57).contains(bytes[place]), place - digits < 10 {
            lot = lot * 10 + UInt64(bytes[place] - 48)
            place += 1
        }
        guard place > digits, lot <= UInt64(UInt32.max), place + self.end.count <= head,
            zip(bytes[place..<place + self.end.count], self.end).allSatisfy(==)
        else { return (.other, 0) }
        place += self.end.count
        var fields = Fields()
        while place < head - 2 {
            var lineEnd = place
            while bytes[lineEnd] != 13 { lineEnd += 1 }
            guard bytes[lineEnd + 1] == 10, fields.take(UnsafeRawBufferPointer(rebasing: bytes[place..<lineEnd])) else {
                return (.other, 0)
            }
            place = lineEnd + 2
        }
        guard let token = fields.token, fields.length <= self.bodyBytesLimit else { return (.other, 0) }
        guard bytes.count >= head + fields.length else { return (.incomplete, 0) }
        let body = UnsafeRawBufferPointer(rebasing: bytes[head..<head + fields.length])
        guard let quantity = self.quantity(body) else { return (.other, 0) }
        let parsed = Parsed(lot: LotID(UInt32(lot)), token: token, quantity: quantity, keepsAlive: fields.keepsAlive)
        return (.request(parsed), head + fields.length)
    }

    private struct Fields {
        var token: [UInt8]?
        var length = 0
        var hasLength = false
        var keepsAlive = true

        /// - Returns: `false` for a field that a plain request does not have.
        mutating func take(_ line: UnsafeRawBufferPointer) -> Bool {
            guard let colon = line.firstIndex(of: 58), colon > 0, line[0] != 32, line[0] != 9 else { return false }
            let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
            // Whatever another HTTP reader might take for the end of a line, or for another field, is not plain.
            guard name.allSatisfy(Self.isTokenByte), line[colon...].allSatisfy({ $0 == 9 || ($0 >= 32 && $0 != 127) })
            else {
                return false
            }
            var value = line[(colon + 1)...]
            while value.first == 32 || value.first == 9 { value = value.dropFirst() }
            while value.last == 32 || value.last == 9 { value = value.dropLast() }
            if Self.isName(name, "authorization") {
                guard self.token == nil, value.count > 7,
                    Self.isName(UnsafeRawBufferPointer(rebasing: value.prefix(7)), "bearer ")
                else {
                    return false
                }
                self.token = Array(value.dropFirst(7))
            } else if Self.isName(name, "content-length") {
                guard !self.hasLength, !value.isEmpty, value.count < 8 else { return false }
                self.hasLength = true
                for byte in value {
                    guard (48...57).contains(byte) else { return false }
                    self.length = self.length * 10 + Int(byte - 48)
                }
            } else if Self.isName(name, "connection") {
                if Self.isName(UnsafeRawBufferPointer(rebasing: value), "close") {
                    self.keepsAlive = false
                } else if !Self.isName(UnsafeRawBufferPointer(rebasing: value), "keep-alive") {
                    return false
                }
            } else if Self.isName(name, "transfer-encoding") || Self.isName(name, "expect")
                || Self.isName(name, "upgrade")
            {
                return false
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

        private static func isName(_ bytes: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
            guard bytes.count == name.utf8CodeUnitCount else { return false }
            return name.withUTF8Buffer { wanted in
                for place in 0..<bytes.count
                where (bytes[place] >= 65 && bytes[place] <= 90 ? bytes[place] | 32 : bytes[place]) != wanted[place] {
                    return false
                }
                return true
            }
        }
    }

    /// The quantity of `{"quantity": n}`; 1 for no body; `nil` if it must be read with more care.
    private static func quantity(_ body: UnsafeRawBufferPointer) -> Int? {
        if body.isEmpty { return 1 }
        var place = 0
        func skipSpace() {
            while place < body.count, [32, 9, 10, 13].contains(body[place]) { place += 1 }
        }
        func take(_ bytes: StaticString) -> Bool {
            skipSpace()
            guard place + bytes.utf8CodeUnitCount <= body.count else { return false }
            for offset in 0..<bytes.utf8CodeUnitCount where body[place + offset] != bytes.utf8Start[offset] {
                return false
            }
            place += bytes.utf8CodeUnitCount
            return true
        }
        guard take("{"), take("\"quantity\""), take(":") else { return nil }
        skipSpace()
        let digits = place
        var quantity = 0
        while place < body.count, (48...57).contains(body[place]), place - digits < 4 {
            quantity = quantity * 10 + Int(body[place] - 48)
            place += 1
        }
        // JSON knows no leading zeros.
        guard place > digits, body[digits] != 48 || place == digits + 1, take("}") else { return nil }
        skipSpace()
        return place == body.count ? quantity : nil
    }
}
