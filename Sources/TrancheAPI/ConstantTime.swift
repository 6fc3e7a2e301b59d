import Crypto

/// Compares secrets in a time that does not depend on where they differ.
package enum ConstantTime {
    package static func isEqual(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        SHA256.hash(data: Array(left)) == SHA256.hash(data: Array(right))  // Digests compare in constant time.
    }
}
