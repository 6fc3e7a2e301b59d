/// The fields of a form, as browsers send it: `application/x-www-form-urlencoded` (WHATWG, URL Standard, section 5).
package struct FormBody: Hashable, Sendable {
    package static let fieldLimit = 16
    package static let byteLimit = 8 << 10

    private let fields: [String: String]

    package subscript(name: String) -> String? { self.fields[name] }

    /// - Throws: ``Problem`` with code `bad_request` or `too_large`, naming the bad value and the limit.
    package init(_ bytes: some Collection<UInt8>) throws(Problem) {
        guard bytes.count <= Self.byteLimit else {
            throw Problem(
                status: 413, code: "too_large", detail: "the form has \(bytes.count) bytes, at most \(Self.byteLimit)")
        }
        var fields: [String: String] = [:]
        for part in bytes.split(separator: UInt8(ascii: "&"), maxSplits: Self.fieldLimit) {
            guard fields.count < Self.fieldLimit else {
                throw Self.bad("has more than \(Self.fieldLimit) fields")
            }
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let value = equals == part.endIndex ? part[equals...] : part[part.index(after: equals)...]
            guard let name = Self.decoded(part[..<equals]), let text = Self.decoded(value) else {
                throw Self.bad("has a field that is not UTF-8, or has % without two hexadecimal digits")
            }
            // Two values of one name could mean one thing here and another thing to a proxy.
            guard fields.updateValue(text, forKey: name) == nil else {
                throw Self.bad("has two fields with the name \"\(name.prefix(32))\"")
            }
        }
        self.fields = fields
    }

    private static func bad(_ why: String) -> Problem {
        Problem(status: 400, code: "bad_request", detail: "the form \(why)")
    }

    private static func decoded(_ bytes: some Collection<UInt8>) -> String? {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var cursor = bytes.startIndex
        while cursor < bytes.endIndex {
            switch bytes[cursor] {
            case UInt8(ascii: "+"): plain.append(32)
            case UInt8(ascii: "%"):
                let digits = bytes[cursor...].dropFirst().prefix(2)
                guard digits.count == 2, let byte = HexBytes.parse(Array(digits), count: 1)?.first else { return nil }
                plain.append(byte)
                cursor = bytes.index(cursor, offsetBy: 2)
            case let byte: plain.append(byte)
            }
            cursor = bytes.index(after: cursor)
        }
        return String(validating: plain, as: UTF8.self)
    }

    /// The bytes of a form with these fields.
    package static func encode(_ fields: [(name: String, value: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in fields {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: "&")) }
            self.encode(name, into: &bytes)
            bytes.append(UInt8(ascii: "="))
            self.encode(value, into: &bytes)
        }
        return bytes
    }

    private static func encode(_ text: String, into bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes += HexBytes.text([byte]).utf8
            }
        }
    }
}
