/// Short texts, back to back in pieces of memory that never move.
struct TextStore: Sendable {
    /// The piece, the offset in it, and the length.
    struct Place: Sendable {
        let start: UInt32
        let length: UInt8
    }

    private static let pieceBits = 14
    private static let pieceBytes = 1 << TextStore.pieceBits
    private var pieces: [[UInt8]] = []

    /// - Precondition: `text` has at most 255 bytes, and all texts together less than 4 GB.
    mutating func add(_ text: String) -> Place {
        let length = text.utf8.count
        if self.pieces.isEmpty || self.pieces[self.pieces.count - 1].count + length > Self.pieceBytes {
            // The first piece grows on demand, so that a small store stays small.
            self.pieces.append([])
            if self.pieces.count > 1 { self.pieces[self.pieces.count - 1].reserveCapacity(Self.pieceBytes) }
        }
        let piece = self.pieces.count - 1
        let start = UInt32(piece << Self.pieceBits + self.pieces[piece].count)
        self.pieces[piece].append(contentsOf: text.utf8)
        return Place(start: start, length: UInt8(length))
    }

    subscript(place: Place) -> String {
        guard place.length > 0 else { return "" }
        return self.bytes(place) { String(decoding: $0, as: UTF8.self) }
    }

    func equal(_ place: Place, _ text: String) -> Bool {
        guard Int(place.length) == text.utf8.count else { return false }
        return self.bytes(place) { bytes in
            var offset = 0
            for byte in text.utf8 {
                if bytes[offset] != byte { return false }
                offset += 1
            }
            return true
        }
    }

    private func bytes<Value>(_ place: Place, _ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        let offset = Int(place.start) & (Self.pieceBytes - 1)
        return self.pieces[Int(place.start) >> Self.pieceBits].withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[offset..<(offset + Int(place.length))]))
        }
    }
}
