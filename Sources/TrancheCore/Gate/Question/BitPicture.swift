/// A small picture with a bit for each point, and a pen.
package struct BitPicture: Hashable, Sendable {
    package static let widths = 32...512
    package static let heights = 16...256

    package let width: Int
    package let height: Int
    /// Rows from the top, each of `rowBytes`; the highest bit is the leftmost point.
    private var bits: [UInt8]
    private let rowBytes: Int

    package init(width: Int, height: Int) {
        precondition(
            Self.widths.contains(width) && Self.heights.contains(height), "a picture of \(width) by \(height)")
        (self.width, self.height) = (width, height)
        // Rows of this file format end at a multiple of four bytes.
        self.rowBytes = (width + 31) / 32 * 4
        self.bits = [UInt8](repeating: 0, count: self.rowBytes * height)
    }

    package subscript(x: Int, y: Int) -> Bool {
        get {
            guard (0..<self.width).contains(x), (0..<self.height).contains(y) else { return false }
            return self.bits[y * self.rowBytes + x / 8] & (0x80 >> UInt8(x % 8)) != 0
        }
        set {
            guard (0..<self.width).contains(x), (0..<self.height).contains(y) else { return }
            let mask = UInt8(0x80) >> UInt8(x % 8)
            if newValue {
                self.bits[y * self.rowBytes + x / 8] |= mask
            } else {
                self.bits[y * self.rowBytes + x / 8] &= ~mask
            }
        }
    }

    /// Draws a line with a round pen; `ink` false erases.
    mutating func draw(from start: (x: Double, y: Double), to end: (x: Double, y: Double), radius: Double, ink: Bool) {
        let steps = max(1, Int(max(abs(end.x - start.x), abs(end.y - start.y)) * 2))
        for step in 0...steps {
            let share = Double(step) / Double(steps)
            self.dot(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share, radius, ink)
        }
    }

    private mutating func dot(_ x: Double, _ y: Double, _ radius: Double, _ ink: Bool) {
        let reach = Int(radius) + 1
        let (left, top) = (Int(x.rounded()), Int(y.rounded()))
        for row in (top - reach)...(top + reach) {
            for column in (left - reach)...(left + reach) {
                let (across, down) = (Double(column) - x, Double(row) - y)
                if across * across + down * down <= radius * radius { self[column, row] = ink }
            }
        }
    }

    /// The picture as a file that every browser shows: a Windows bitmap of one bit a point, black on white.
    package var bitmap: [UInt8] {
        let start = 14 + 40 + 8
        var file: [UInt8] = [UInt8(ascii: "B"), UInt8(ascii: "M")]
        func put(_ value: Int, bytes: Int) {
            for index in 0..<bytes { file.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        }
        put(start + self.bits.count, bytes: 4)
        put(0, bytes: 4)
        put(start, bytes: 4)
        put(40, bytes: 4)
        put(self.width, bytes: 4)
        put(self.height, bytes: 4)
        put(1, bytes: 2)  // Planes.
        put(1, bytes: 2)  // Bits of a point.
        put(0, bytes: 4)  // Not compressed.
        put(self.bits.count, bytes: 4)
        put(2_835, bytes: 4)  // Points of a metre, across and down.
        put(2_835, bytes: 4)
        put(2, bytes: 4)
        put(0, bytes: 4)
        put(0xFF_FFFF, bytes: 4)
        put(0, bytes: 4)
        for row in stride(from: self.height - 1, through: 0, by: -1) {
            file += self.bits[(row * self.rowBytes)..<((row + 1) * self.rowBytes)]
        }
        return file
    }
}
