import TrancheCore

/// Appends fixed fields, little-endian, behind one byte with the version of the format.
struct WireWriter {
    private(set) var bytes: [UInt8]

    init(version: UInt8, capacity: Int = 256) {
        self.bytes = [version]
        self.bytes.reserveCapacity(capacity)
    }

    mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { self.bytes.append(contentsOf: $0) }
    }

    /// ASCII, and at most 255 bytes of it.
    mutating func put(_ text: String) {
        let bytes = text.utf8.prefix(Int(UInt8.max))
        self.put(UInt8(bytes.count))
        self.bytes.append(contentsOf: bytes)
    }

    /// UTF-8, and at most 65,535 bytes of it.
    mutating func put(long text: String) {
        let bytes = text.utf8.prefix(Int(UInt16.max))
        self.put(UInt16(bytes.count))
        self.bytes.append(contentsOf: bytes)
    }

    mutating func put(_ order: OrderID) {
        self.put(order.high)
        self.put(order.low)
    }

    /// A number of any size, 7 bits in each byte, as ``ByteReader/varint()`` reads it: most numbers of a lot are small.
    mutating func put(variable number: Int) {
        var left = UInt64(bitPattern: Int64(number << 1) ^ Int64(number >> 63))
        while left >= 128 {
            self.bytes.append(UInt8(truncatingIfNeeded: left) | 128)
            left >>= 7
        }
        self.bytes.append(UInt8(left))
    }

    mutating func put(_ head: LedgerHead) {
        self.put(head.position)
        self.put(head.digest.high)
        self.put(head.digest.low)
    }

    /// A flag, and the value behind it if there is one.
    mutating func put<Value>(_ value: Value?, _ body: (inout WireWriter, Value) -> Void) {
        self.put(UInt8(value == nil ? 0 : 1))
        if let value { body(&self, value) }
    }
}

/// Reads what ``WireWriter`` wrote. What is too short, too long or of another version is refused.
struct WireReader {
    private var reader: ByteReader
    /// Of the format.
    let version: UInt8

    init(_ bytes: UnsafeRawBufferPointer, version: UInt8) throws(Problem) {
        self.reader = ByteReader(bytes)
        guard let first = self.reader.byte() else { throw Self.invalid("it is empty") }
        guard first == version else { throw Self.invalid("its version is \(first), not \(version)") }
        self.version = first
    }

    init(_ bytes: UnsafeRawBufferPointer, versions: ClosedRange<UInt8>) throws(Problem) {
        self.reader = ByteReader(bytes)
        guard let first = self.reader.byte() else { throw Self.invalid("it is empty") }
        guard versions.contains(first) else { throw Self.invalid("its version is \(first), not in \(versions)") }
        self.version = first
    }

    static func invalid(_ detail: String) -> Problem {
        Problem(status: 400, code: "invalid_message", detail: "the message cannot be read: \(detail)")
    }

    mutating func take<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(Problem) -> Value {
        guard let value = self.reader.little(type) else { throw Self.invalid("it ends too early") }
        return value
    }

    mutating func order() throws(Problem) -> OrderID {
        OrderID(high: try self.take(UInt64.self), low: try self.take(UInt64.self))
    }

    mutating func text() throws(Problem) -> String {
        let count = Int(try self.take(UInt8.self))
        guard let text = self.reader.text(count) else { throw Self.invalid("it ends too early") }
        guard text.utf8.allSatisfy({ $0 < 128 }) else { throw Self.invalid("a text is not ASCII") }
        return text
    }

    /// What ``WireWriter/put(long:)`` wrote.
    mutating func longText(limit: Int) throws(Problem) -> String {
        let count = Int(try self.take(UInt16.self))
        guard count <= limit else { throw Self.invalid("a text has \(count) bytes, at most \(limit) are allowed") }
        guard let text = self.reader.text(count) else { throw Self.invalid("it ends too early") }
        return text
    }

    mutating func lot() throws(Problem) -> LotID {
        let number = try self.variable()
        guard let lot = UInt32(exactly: number) else {
            throw Self.invalid("\(number) is not a lot number; expected 1 to \(UInt32.max)")
        }
        return LotID(lot)
    }

    mutating func flag() throws(Problem) -> Bool {
        switch try self.take(UInt8.self) {
        case 0: false
        case 1: true
        case let other: throw Self.invalid("a flag is \(other), not 0 or 1")
        }
    }

    mutating func instant() throws(Problem) -> Instant {
        Instant(microseconds: Int64(bitPattern: try self.take(UInt64.self)))
    }

    mutating func variable() throws(Problem) -> Int {
        guard let number = self.reader.varint() else { throw Self.invalid("a number ends too early, or is too long") }
        return Int(number)
    }

    mutating func head() throws(Problem) -> LedgerHead {
        LedgerHead(
            position: try self.take(UInt64.self),
            digest: ChainDigest(high: try self.take(UInt64.self), low: try self.take(UInt64.self)))
    }

    /// What ``WireWriter/put(_:_:)`` wrote.
    mutating func optional<Value>(_ body: (inout WireReader) throws(Problem) -> Value) throws(Problem) -> Value? {
        try self.flag() ? try body(&self) : nil
    }

    mutating func count(limit: Int) throws(Problem) -> Int {
        let count = Int(try self.take(UInt32.self))
        guard count <= limit else { throw Self.invalid("a list has \(count) elements, at most \(limit) are allowed") }
        return count
    }

    func end() throws(Problem) {
        guard self.reader.left == 0 else { throw Self.invalid("\(self.reader.left) bytes follow its end") }
    }
}
