// The format of an entry on disk: compact, about 55 bytes for a reservation, because the cost of a commit grows with
// its pages.
//
// `kind|0x80, which fields there are, lot, quantity, detail, generation (varints, zigzag), value (8), deadline (8),
// order (16), buyer (length and bytes), text (length or 255, and bytes)`, numbers little-endian, the order big-endian. With `0x40`
// in the first byte there follows `which money fields there are, amount, currency, number (varints), reference (length and bytes)`:
// an entry without money has the bytes that it had before there were amounts.
// Earlier versions wrote a wider format, with the kind alone in its first byte. It is still read, and not rewritten.

package import TrancheCore

extension EntryRow {
    private static let narrow: UInt8 = 0x80
    private static let withMoney: UInt8 = 0x40
    private static let none: UInt8 = 255

    /// Appends the bytes that the ledger keeps and the hash chain covers.
    package func encode(into bytes: inout [UInt8]) {
        var fields: UInt8 = 0
        let small = (self.lot, self.quantity, self.detail, self.generation)
        if small.0 != nil { fields |= 1 }
        if small.1 != nil { fields |= 2 }
        if small.2 != nil { fields |= 4 }
        if small.3 != nil { fields |= 8 }
        if self.value != nil { fields |= 16 }
        if self.deadline != nil { fields |= 32 }
        if self.order != nil { fields |= 64 }
        if self.buyer != nil { fields |= 128 }
        let money: UInt8 =
            (self.amount == nil ? 0 : 1) | (self.number == nil ? 0 : 2) | (self.reference == nil ? 0 : 4)
        bytes.append(
            UInt8(truncatingIfNeeded: self.kind.rawValue) | Self.narrow | (money == 0 ? 0 : Self.withMoney))
        bytes.append(fields)
        if let number = small.0 { Self.write(varint: number, into: &bytes) }
        if let number = small.1 { Self.write(varint: number, into: &bytes) }
        if let number = small.2 { Self.write(varint: number, into: &bytes) }
        if let number = small.3 { Self.write(varint: number, into: &bytes) }
        if let value { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
        if let deadline { withUnsafeBytes(of: deadline.littleEndian) { bytes.append(contentsOf: $0) } }
        if let order {
            withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) { bytes.append(contentsOf: $0) }
        }
        if let buyer {
            bytes.append(UInt8(truncatingIfNeeded: buyer.utf8.count))
            bytes.append(contentsOf: buyer.utf8)
        }
        bytes.append(UInt8(truncatingIfNeeded: self.text?.utf8.count ?? Int(Self.none)))
        if let text { bytes.append(contentsOf: text.utf8) }
        if money != 0 { self.encode(money: money, into: &bytes) }
    }

    private func encode(money fields: UInt8, into bytes: inout [UInt8]) {
        bytes.append(fields)
        if let amount {
            Self.write(varint: amount.minor, into: &bytes)
            Self.write(varint: Int64(amount.currency.rawValue), into: &bytes)
        }
        if let number { Self.write(varint: number, into: &bytes) }
        if let reference {
            bytes.append(UInt8(truncatingIfNeeded: reference.utf8.count))
            bytes.append(contentsOf: reference.utf8)
        }
    }

    private static func write(varint number: Int64, into bytes: inout [UInt8]) {
        var left = UInt64(bitPattern: number << 1 ^ number >> 63)
        while left >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: left) | 128)
            left >>= 7
        }
        bytes.append(UInt8(left))
    }

    /// The wider format of earlier versions, whose bytes their digests cover.
    package func encodeWide(into bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: self.kind.rawValue))
        let order = (self.order.map { Int64(bitPattern: $0.high) }, self.order.map { Int64(bitPattern: $0.low) })
        for number in [
            self.lot, self.quantity, self.detail, self.generation, self.value, self.deadline, order.0, order.1,
        ] {
            bytes.append(number == nil ? 0 : 1)
            if let number { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        for text in [self.buyer, self.text] {
            bytes.append(UInt8(truncatingIfNeeded: text?.utf8.count ?? Int(Self.none)))
            if let text { bytes.append(contentsOf: text.utf8) }
        }
    }

    /// Appends the entries in `bytes`, which follow each other without gaps.
    ///
    /// - Returns: `false` if the bytes end within an entry, or contain an invalid one.
    package static func readEntries(_ bytes: UnsafeRawBufferPointer, into entries: inout [LedgerEntry]) -> Bool {
        var reader = ByteReader(bytes)
        while reader.left > 0 {
            guard let row = EntryRow(&reader), let entry = row.entry else { return false }
            entries.append(entry)
        }
        return true
    }

    /// - Returns: `nil` if there is no valid row at `offset`.
    package init?(reading bytes: UnsafeRawBufferPointer, at offset: inout Int) {
        var reader = ByteReader(bytes, at: offset)
        self.init(&reader)
        offset = reader.offset
    }

    private init?(_ reader: inout ByteReader) {
        guard let first = reader.byte(),
            let kind = Kind(rawValue: Int64(first & ~(Self.narrow | Self.withMoney)))
        else { return nil }
        self.init(kind: kind)
        let isRead = first & Self.narrow != 0 ? self.readNarrow(&reader) : self.readWide(&reader)
        guard isRead else { return nil }
        // The wide format had no money.
        if first & Self.withMoney != 0 {
            guard first & Self.narrow != 0, self.readMoney(&reader) else { return nil }
        }
    }

    private mutating func readNarrow(_ reader: inout ByteReader) -> Bool {
        guard let fields = reader.byte() else { return false }
        if fields & 1 != 0 { self.lot = reader.varint() }
        if fields & 2 != 0 { self.quantity = reader.varint() }
        if fields & 4 != 0 { self.detail = reader.varint() }
        if fields & 8 != 0 { self.generation = reader.varint() }
        if fields & 16 != 0 { self.value = reader.little(Int64.self) }
        if fields & 32 != 0 { self.deadline = reader.little(Int64.self) }
        if fields & 64 != 0 { self.order = reader.order() }
        if fields & 128 != 0, let length = reader.byte() { self.buyer = reader.text(Int(length)) }
        if let length = reader.byte(), length != Self.none { self.text = reader.text(Int(length)) }
        return !reader.isBroken
    }

    private mutating func readMoney(_ reader: inout ByteReader) -> Bool {
        guard let fields = reader.byte() else { return false }
        if fields & 1 != 0 {
            guard let minor = reader.varint(), let code = reader.varint().flatMap({ UInt16(exactly: $0) }),
                let amount = Currency(rawValue: code).flatMap({ Money(minor: minor, currency: $0) })
            else { return false }
            self.amount = amount
        }
        if fields & 2 != 0 {
            self.number = reader.varint()
            guard let number = self.number, (0...Limits.amount).contains(number) else { return false }
        }
        if fields & 4 != 0, let length = reader.byte() { self.reference = reader.text(Int(length)) }
        return !reader.isBroken
    }

    private mutating func readWide(_ reader: inout ByteReader) -> Bool {
        func number() -> Int64? {
            switch reader.byte() {
            case 0: return nil
            case 1: return reader.little(Int64.self)
            default:
                reader.isBroken = true
                return nil
            }
        }
        self.lot = number()
        self.quantity = number()
        self.detail = number()
        self.generation = number()
        self.value = number()
        self.deadline = number()
        let (high, low) = (number(), number())
        if let high, let low { self.order = OrderID(high: UInt64(bitPattern: high), low: UInt64(bitPattern: low)) }
        if let length = reader.byte(), length != Self.none { self.buyer = reader.text(Int(length)) }
        if let length = reader.byte(), length != Self.none { self.text = reader.text(Int(length)) }
        return !reader.isBroken && (high == nil) == (low == nil)
    }
}
