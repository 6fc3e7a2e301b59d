import ExpressParsing

/// What a proxy says about its client, before the first byte of a request.
enum ProxyTarget {
    static func run(_ bytes: [UInt8]) {
        // Whatever comes, and whatever comes behind a genuine signature.
        self.read(bytes)
        self.read(ProxyHeader.signature + bytes)
    }

    private static func read(_ bytes: [UInt8]) {
        let result = self.parse(bytes[...])
        switch result {
        case .malformed: precondition(self.parse((bytes + [0])[...]) == .malformed, "more bytes repair a header")
        case .incomplete: precondition(bytes.count < ProxyHeader.byteLimit, "a header without an end")
        case .header(let header):
            precondition((16...ProxyHeader.byteLimit).contains(header.length), "a header of \(header.length) bytes")
            precondition(header.length <= bytes.count, "a header longer than its bytes")
            precondition(self.parse((bytes + [7])[...]) == result, "the client's bytes change the header")
            for count in 0..<header.length {
                precondition(self.parse(bytes[..<count]) == .incomplete, "\(count) bytes are not incomplete")
            }
        }
    }

    private static func parse(_ bytes: ArraySlice<UInt8>) -> ProxyHeader.Result {
        bytes.withUnsafeBytes { ProxyHeader.parse($0) }
    }

    static var seeds: [[UInt8]] {
        [
            ProxyHeader.signature + [0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 1, 4, 0, 1, 0],
            [0x21, 0x21, 0, 36] + Array(repeating: 9, count: 36),
            [0x21, 0x31, 0, 216] + Array(repeating: 0, count: 216),
            [0x20, 0, 0, 0], [0x21, 0x11, 0, 19, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2, 4, 0, 4, 1, 2, 3, 4],
        ]
    }
}
