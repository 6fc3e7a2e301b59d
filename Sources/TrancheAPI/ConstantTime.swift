import Crypto

/// Compares secrets without telling how much of them was right.
package enum ConstantTime {
    package static func isEqual(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        SHA256.hash(data: Array(left)) == SHA256.hash(data: Array(right))  // Digests compare in constant time.
    }
}
