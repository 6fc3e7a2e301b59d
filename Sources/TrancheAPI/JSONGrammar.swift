/// Checks the exact grammar of RFC 8259. Foundation's decoder accepts more, and two readers that read a document
/// differently can be attacked through the difference.
///
/// Sans-IO, without allocations: each open object or list is one bit, so the depth is limited. Two equal names in one
/// object fit the grammar; the decoder keeps one of them.
struct JSONGrammar {
    /// Levels of nested objects and lists.
    static let depthLimit = 64

    /// What is wrong, and at which byte.
    struct Fault: Error, Hashable {
        let reason: String
        let cursor: Int
        var detail: String { "byte \(self.cursor): \(self.reason)" }
    }

    private enum Expected { case value, valueOrEnd, name, nameOrEnd, next }

    private let bytes: UnsafeRawBufferPointer
    private var cursor = 0
    private var depth = 0
    /// The lowest bit is the innermost level: 1 for an object.
    private var levels: UInt64 = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// - Throws: ``Fault`` if `bytes` are not one JSON value with nothing but space around it.
    static func check(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        var reader = JSONGrammar(bytes)
        try reader.document()
    }

    private func fault(_ reason: String) -> Fault { Fault(reason: reason, cursor: self.cursor) }

    private var byte: UInt8? { self.cursor < self.bytes.count ? self.bytes[self.cursor] : nil }

    private mutating func skipSpace() {
        while self.cursor < self.bytes.count {
            switch self.bytes[self.cursor] {
            case 32, 9, 10, 13: self.cursor += 1
            default: return
            }
        }
    }

    private mutating func document() throws(Fault) {
        if self.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw self.fault("a byte order mark is not JSON") }
        var expected = Expected.value
        repeat {
            self.skipSpace()
            guard let byte else { throw self.fault(self.cursor == 0 ? "it is empty" : "it ends too early") }
            expected = try self.step(byte, expected)
        } while self.depth > 0
        self.skipSpace()
        if self.byte != nil { throw self.fault("something follows the value") }
    }

    private mutating func step(_ byte: UInt8, _ expected: Expected) throws(Fault) -> Expected {
        switch expected {
        case .valueOrEnd where byte == UInt8(ascii: "]"), .nameOrEnd where byte == UInt8(ascii: "}"):
            return self.close()
        case .value, .valueOrEnd: return try self.value(byte)
        case .name, .nameOrEnd:
            guard byte == UInt8(ascii: "\"") else { throw self.fault("expected a name in quotes") }
            try self.string()
            self.skipSpace()
            guard self.byte == UInt8(ascii: ":") else { throw self.fault("expected a colon") }
            self.cursor += 1
            return .value
        case .next:
            let isObject = self.levels & 1 == 1
            if byte == UInt8(ascii: ",") {
                self.cursor += 1
                return isObject ? .name : .value
            }
            guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                throw self.fault("expected a comma or the end of the \(isObject ? "object" : "list")")
            }
            return self.close()
        }
    }

    private mutating func open(isObject: Bool) throws(Fault) -> Expected {
        guard self.depth < Self.depthLimit else { throw self.fault("it is nested deeper than \(Self.depthLimit)") }
        self.cursor += 1
        self.depth += 1
        self.levels = self.levels << 1 | (isObject ? 1 : 0)
        return isObject ? .nameOrEnd : .valueOrEnd
    }

    private mutating func close() -> Expected {
        self.cursor += 1
        self.depth -= 1
        self.levels >>= 1
        return .next
    }

    private mutating func value(_ byte: UInt8) throws(Fault) -> Expected {
        switch byte {
        case UInt8(ascii: "{"): return try self.open(isObject: true)
        case UInt8(ascii: "["): return try self.open(isObject: false)
        case UInt8(ascii: "\""): try self.string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try self.number()
        case UInt8(ascii: "t"): try self.word("true")
        case UInt8(ascii: "f"): try self.word("false")
        case UInt8(ascii: "n"): try self.word("null")
        default: throw self.fault("expected a value")
        }
        return .next
    }

    private mutating func word(_ word: StaticString) throws(Fault) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard self.cursor + offset < self.bytes.count,
                self.bytes[self.cursor + offset] == word.utf8Start[offset]
            else { throw self.fault("expected a value") }
        }
        self.cursor += word.utf8CodeUnitCount
    }
}

extension JSONGrammar {
    private mutating func number() throws(Fault) {
        if self.byte == UInt8(ascii: "-") { self.cursor += 1 }
        if self.byte == UInt8(ascii: "0") {
            self.cursor += 1
            if let byte, (48...57).contains(byte) { throw self.fault("a number has a leading zero") }
        } else {
            try self.digits()
        }
        if self.byte == UInt8(ascii: ".") {
            self.cursor += 1
            try self.digits()
        }
        guard self.byte == UInt8(ascii: "e") || self.byte == UInt8(ascii: "E") else { return }
        self.cursor += 1
        if self.byte == UInt8(ascii: "+") || self.byte == UInt8(ascii: "-") { self.cursor += 1 }
        try self.digits()
    }

    private mutating func digits() throws(Fault) {
        let start = self.cursor
        while let byte, (48...57).contains(byte) { self.cursor += 1 }
        if self.cursor == start { throw self.fault("expected a digit") }
    }

    private mutating func string() throws(Fault) {
        self.cursor += 1
        while let byte {
            switch byte {
            case UInt8(ascii: "\""):
                self.cursor += 1
                return
            case UInt8(ascii: "\\"): try self.escape()
            case 0..<32: throw self.fault("a string contains a control character")
            case 32..<128: self.cursor += 1
            default: try self.scalar(byte)
            }
        }
        throw self.fault("a string does not end")
    }

    private mutating func escape() throws(Fault) {
        let start = self.cursor
        self.cursor += 1
        switch self.byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            self.cursor += 1
        case UInt8(ascii: "u"):
            let unit = try self.codeUnit()
            guard unit & 0xF800 == 0xD800 else { return }
            // Half of a surrogate pair is not a character.
            guard unit < 0xDC00, self.byte == UInt8(ascii: "\\") else {
                throw Fault(reason: "half of a surrogate pair", cursor: start)
            }
            self.cursor += 1
            guard self.byte == UInt8(ascii: "u"), try self.codeUnit() & 0xFC00 == 0xDC00 else {
                throw Fault(reason: "half of a surrogate pair", cursor: start)
            }
        default: throw self.fault("an unknown escape")
        }
    }

    /// `u` and four hexadecimal digits.
    private mutating func codeUnit() throws(Fault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            self.cursor += 1
            switch self.byte {
            case .some(let byte) where (48...57).contains(byte): unit = unit << 4 | UInt16(byte - 48)
            case .some(let byte) where (97...102).contains(byte | 32): unit = unit << 4 | UInt16((byte | 32) - 87)
            default: throw self.fault("expected a hexadecimal digit")
            }
        }
        self.cursor += 1
        return unit
    }

    /// One character beyond ASCII, in UTF-8 (RFC 3629, section 4).
    private mutating func scalar(_ first: UInt8) throws(Fault) {
        let (count, second): (Int, ClosedRange<UInt8>)
        switch first {
        case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (count, second) = (3, 0x80...0xBF)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw self.fault("it is not UTF-8")
        }
        guard self.cursor + count <= self.bytes.count, second.contains(self.bytes[self.cursor + 1]) else {
            throw self.fault("it is not UTF-8")
        }
        for offset in 2..<max(2, count) where self.bytes[self.cursor + offset] & 0xC0 != 0x80 {
            throw self.fault("it is not UTF-8")
        }
        self.cursor += count
    }
}
