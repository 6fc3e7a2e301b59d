/// Which addresses are no place on the public internet.
///
/// Source: the IANA registries of special-purpose addresses (RFC 6890). An event is sent to whatever a name stands for at
/// that moment, so the address of each connection is judged, and not the name.
package enum PrivateAddress {
    /// - Parameter bytes: The 4 or 16 bytes of an address, in network order. Any other number is no address, and private.
    package static func contains(_ bytes: [UInt8]) -> Bool {
        switch bytes.count {
        case 4: self.isPrivate4(bytes)
        case 16: self.isPrivate6(bytes)
        default: true
        }
    }

    private static func isPrivate4(_ bytes: [UInt8]) -> Bool {
        switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (224..., _): true
        case (100, 64...127), (169, 254), (172, 16...31), (192, 168), (198, 18...19): true
        case (192, 0): bytes[2] == 0 || bytes[2] == 2  // Protocols' own, and examples.
        case (198, 51): bytes[2] == 100
        case (203, 0): bytes[2] == 113
        default: false
        }
    }

    private static func isPrivate6(_ bytes: [UInt8]) -> Bool {
        // An IPv4 address inside: mapped, translated (64:ff9b::/96), or behind 6to4 (2002::/16).
        if bytes[0..<10].allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 {
            return self.isPrivate4(Array(bytes[12...]))
        }
        if bytes[0..<12].elementsEqual([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) {
            return self.isPrivate4(Array(bytes[12...]))
        }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return self.isPrivate4(Array(bytes[2..<6])) }
        // Only 2000::/3 is given out; of it, documentation and Teredo are not meant.
        guard bytes[0] & 0xe0 == 0x20 else { return true }
        if bytes[0] == 0x20, bytes[1] == 0x01 {
            return bytes[2] < 0x02 || bytes[2] == 0x0d && bytes[3] == 0xb8
        }
        return false
    }
}
