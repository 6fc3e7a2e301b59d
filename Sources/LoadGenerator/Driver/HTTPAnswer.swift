/// Reads the parts of an HTTP/1.1 answer (RFC 9112) that a generator needs: its status, its end and its problem code.
struct HTTPAnswer {
    private static let lengthName = Array("content-length:".utf8)
    private static let codeName = Array("\"code\":\"".utf8)

    let status: Int
    let body: UnsafeRawBufferPointer
    /// Bytes of the whole answer.
    let count: Int

    /// The answer at the front of `bytes`, if it is complete and has a Content-Length.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 16 else { return nil }
        var (line, length) = (0, 0)
        while let end = Self.lineEnd(bytes, from: line) {
            if end == line {
                guard bytes.count >= end + 2 + length else { return nil }
                self.status = Int(bytes[9] &- 48) * 100 + Int(bytes[10] &- 48) * 10 + Int(bytes[11] &- 48)
                self.body = UnsafeRawBufferPointer(rebasing: bytes[(end + 2)..<(end + 2 + length)])
                self.count = end + 2 + length
                return
            }
            if end - line > Self.lengthName.count, bytes[line] | 32 == 99, bytes[line + 8] | 32 == 108,
                bytes[line + 14] == 58
            {
                length = 0
                for byte in bytes[(line + 15)..<end] where byte != 32 { length = length * 10 + Int(byte &- 48) }
            }
            line = end + 2
        }
        return nil
    }

    /// The bytes of the problem's code; empty if the body is not a problem document.
    var code: UnsafeRawBufferPointer {
        let name = Self.codeName
        var start = 0
        while start + name.count < self.body.count {
            if self.body[start] == name[0], self.body[start + 1] == name[1],
                self.body[start..<(start + name.count)].elementsEqual(name)
            {
                let rest = self.body[(start + name.count)...]
                let end = rest.firstIndex(of: UInt8(ascii: "\"")) ?? self.body.count
                return UnsafeRawBufferPointer(rebasing: rest[..<end])
            }
            start += 1
        }
        return UnsafeRawBufferPointer(start: nil, count: 0)
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var slot = start
        while slot + 1 < bytes.count {
            if bytes[slot] == 13, bytes[slot + 1] == 10 { return slot }
            slot += 1
        }
        return nil
    }
}

/// Counts answers by status and problem code. A run has few kinds of them, so a short list is searched, and no text
/// is made for each answer.
struct AnswerTally {
    private struct Kind {
        let status: Int
        let code: [UInt8]
        var count: Int
    }
    private var kinds: [Kind] = []

    mutating func count(_ answer: HTTPAnswer) {
        // A 201 has an order and not a problem: nothing to search for.
        let code = answer.status == 201 ? UnsafeRawBufferPointer(start: nil, count: 0) : answer.code
        for index in self.kinds.indices where self.kinds[index].status == answer.status {
            guard self.kinds[index].code.elementsEqual(code) else { continue }
            self.kinds[index].count += 1
            return
        }
        self.kinds.append(Kind(status: answer.status, code: Array(code), count: 1))
    }

    var statuses: [Int: Int] {
        Dictionary(self.kinds.map { ($0.status, $0.count) }, uniquingKeysWith: +)
    }

    /// By status and code, as in `410 sold_out`.
    var codes: [String: Int] {
        Dictionary(
            self.kinds.map { kind in
                let code = String(decoding: kind.code, as: UTF8.self)
                return (code.isEmpty ? "\(kind.status)" : "\(kind.status) \(code)", kind.count)
            }, uniquingKeysWith: +)
    }
}
