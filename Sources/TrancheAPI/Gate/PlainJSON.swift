/// Reads the plain JSON that pages and generators send, without allocations.
///
/// What is unusual, such as escapes or fractions, it does not read, and the ordinary decoder does: a document that this
/// reader accepts has the same meaning for both.
package struct PlainJSON {
    private let bytes: UnsafeRawBufferPointer
    private var cursor = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether nothing but space follows.
    package var isAtEnd: Bool {
        mutating get {
            self.skipSpace()
            return self.cursor == self.bytes.count
        }
    }

    private mutating func skipSpace() {
        while self.cursor < self.bytes.count {
            switch self.bytes[self.cursor] {
            case 32, 9, 10, 13: self.cursor += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        self.skipSpace()
        guard self.cursor < self.bytes.count, self.bytes[self.cursor] == byte else { return false }
        self.cursor += 1
        return true
    }

    /// Calls `member` with each name; it must read the value, and returns whether it did.
    package mutating func object(_ member: (UnsafeRawBufferPointer, inout PlainJSON) -> Bool) -> Bool {
        guard self.take(UInt8(ascii: "{")) else { return false }
        if self.take(UInt8(ascii: "}")) { return true }
        repeat {
            guard let name = self.string(), self.take(UInt8(ascii: ":")), member(name, &self) else { return false }
        } while self.take(UInt8(ascii: ","))
        return self.take(UInt8(ascii: "}"))
    }

    /// A string of printable ASCII without escapes.
    package mutating func string() -> UnsafeRawBufferPointer? {
        guard self.take(UInt8(ascii: "\"")) else { return nil }
        let start = self.cursor
        while self.cursor < self.bytes.count {
            let byte = self.bytes[self.cursor]
            if byte == UInt8(ascii: "\"") {
                self.cursor += 1
                return UnsafeRawBufferPointer(rebasing: self.bytes[start..<(self.cursor - 1)])
            }
            guard (32...126).contains(byte), byte != UInt8(ascii: "\\") else { return nil }
            self.cursor += 1
        }
        return nil
    }

    package mutating func text() -> String? { self.string().map { String(decoding: $0, as: UTF8.self) } }

    /// A whole number of at most 18 digits, without a sign.
    package mutating func number() -> Int64? {
        self.skipSpace()
        let start = self.cursor
        var value: Int64 = 0
        while self.cursor < self.bytes.count, (48...57).contains(self.bytes[self.cursor]) {
            guard self.cursor - start < 18 else { return nil }
            value = value * 10 + Int64(self.bytes[self.cursor] - 48)
            self.cursor += 1
        }
        let count = self.cursor - start
        guard count == 1 || (count > 1 && self.bytes[start] != 48), self.cursor < self.bytes.count else { return nil }
        // A fraction or an exponent would change the value.
        switch self.bytes[self.cursor] {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
        default: return value
        }
    }
}

extension UnsafeRawBufferPointer {
    func isEqual(_ text: StaticString) -> Bool {
        self.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
