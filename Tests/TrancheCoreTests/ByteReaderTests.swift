import Testing
import TrancheCore

@Suite("Reading bytes") struct ByteReaderTests {
    @Test("values are read in order, and the offset follows them") func valuesAreReadInOrder() {
        let bytes: [UInt8] = [7, 1, 2, 0, 0, 1, 0xAC, 0x02, 0x61, 0x62]
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let (byte, little, big) = (reader.byte(), reader.little(UInt16.self), reader.big(UInt16.self))
            #expect(byte == 7 && little == 0x0201 && big == 0)
            #expect(reader.offset == 5 && reader.left == 5)
            let (first, second, text) = (reader.varint(), reader.varint(), reader.text(2))
            #expect(first == -1 && second == 150 && text == "ab")
            #expect(reader.left == 0 && !reader.isBroken)
        }
    }

    @Test("an order id is read as it is printed") func orderIsReadAsPrinted() {
        let bytes = Array(UInt8(0)..<16)
        let order = bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return reader.order()
        }
        #expect(order == OrderID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F))
    }

    @Test("a read beyond the end fails, and moves no offset", arguments: 0..<8) func readBeyondEndMovesNothing(
        count: Int
    ) {
        [UInt8](repeating: 0xFF, count: count).withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let word = reader.little(UInt64.self)
            #expect(word == nil && reader.isBroken && reader.offset == 0)
        }
    }

    @Test("a number without an end is refused") func endlessNumberIsRefused() {
        [UInt8](repeating: 0xFF, count: 12).withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let number = reader.varint()
            #expect(number == nil && reader.isBroken)
        }
    }

    @Test("a negative length reads nothing") func negativeLengthReadsNothing() {
        [UInt8](repeating: 0, count: 4).withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let text = reader.text(-1)
            #expect(text == nil && reader.isBroken)
        }
    }
}

@Suite("Rows by their hash") struct HashIndexTests {
    @Test("every row is found, for any hashes", arguments: [UInt64(0), 1, 0xFF, .max]) func everyHashFindsItsRow(
        mask: UInt64
    ) {
        // A mask that leaves few bits makes almost all hashes collide.
        func hash(_ place: Int) -> UInt64 { HashIndex.mix(UInt64(place)) & mask }
        var index = HashIndex()
        for place in 0..<500 {
            #expect(index.find(hash: hash(place)) { $0 == place } == nil)
            index.insert(place, hash: hash(place), hashOf: hash)
        }
        for place in 0..<500 { #expect(index.find(hash: hash(place)) { $0 == place } == place) }
    }
}
