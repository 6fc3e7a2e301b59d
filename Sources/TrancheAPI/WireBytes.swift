import TrancheCore

/// Appends fixed fields, little-endian, behind one byte with the version of the format.
struct WireWriter {
    private(set) var bytes: [UInt8]

    init(version: UInt8) {
        self.bytes = [version]
        self.bytes.reserveCapacity(256)
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

    mutating func put(_ order: OrderID) {
        self.put(order.high)
        self.put(order.low)
    }
}

/// Reads what ``WireWriter`` wrote. What is too short, too long or of another version is refused.
struct WireReader {
    private var reader: ByteReader

    init(_ bytes: UnsafeRawBufferPointer, version: UInt8) throws(Problem) {
        self.reader = ByteReader(bytes)
        guard let first = self.reader.byte() else { throw Self.invalid("it is empty") }
        guard first == version else { throw Self.invalid("its version is \(first), not \(version)") }
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

    mutating func count(limit: Int) throws(Problem) -> Int {
        let count = Int(try self.take(UInt32.self))
        guard count <= limit else { throw Self.invalid("a list has \(count) elements, at most \(limit) are allowed") }
        return count
    }

    func end() throws(Problem) {
        guard self.reader.left == 0 else { throw Self.invalid("\(self.reader.left) bytes follow its end") }
    }
}
