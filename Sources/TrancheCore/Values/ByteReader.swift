/// Takes values from the front of some bytes. Asking for more than there is returns nothing, and marks the reader as
/// broken.
package struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// Bytes that were taken.
    @usableFromInline package internal(set) var offset: Int
    package var isBroken = false

    /// - Parameter bytes: They must outlive the reader.
    @inlinable package init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        precondition((0...bytes.count).contains(offset), "offset \(offset) in \(bytes.count) bytes")
        (self.bytes, self.offset) = (bytes, offset)
    }

    @inlinable package var left: Int { self.bytes.count - self.offset }

    /// Moves over the next `count` bytes, if there are so many.
    ///
    /// - Returns: Where they begin.
    @inlinable package mutating func skip(_ count: Int) -> Int? {
        guard count >= 0, count <= self.left else {
            self.isBroken = true
            return nil
        }
        self.offset += count
        return self.offset - count
    }

    @inlinable package mutating func byte() -> UInt8? { self.skip(1).map { self.bytes[$0] } }

    @inlinable package mutating func little<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value? {
        guard let start = self.skip(MemoryLayout<Value>.size) else { return nil }
        return Value(littleEndian: self.bytes.loadUnaligned(fromByteOffset: start, as: Value.self))
    }

    @inlinable package mutating func big<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value? {
        guard let start = self.skip(MemoryLayout<Value>.size) else { return nil }
        return Value(bigEndian: self.bytes.loadUnaligned(fromByteOffset: start, as: Value.self))
    }

    /// An order's 16 bytes, big-endian.
    @inlinable package mutating func order() -> OrderID? {
        guard let high = self.big(UInt64.self), let low = self.big(UInt64.self) else { return nil }
        return OrderID(high: high, low: low)
    }

    @inlinable package mutating func text(_ count: Int) -> String? {
        guard let start = self.skip(count) else { return nil }
        return String(decoding: self.bytes[start..<self.offset], as: UTF8.self)
    }

    /// A number of 64 bits, 7 in each byte, the lowest first, with its sign in the lowest bit.
    @inlinable package mutating func varint() -> Int64? {
        var (value, shift) = (UInt64(0), UInt64(0))
        while shift < 64, let byte = self.byte() {
            value |= UInt64(byte & 127) << shift
            if byte < 128 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
            shift += 7
        }
        self.isBroken = true
        return nil
    }
}
