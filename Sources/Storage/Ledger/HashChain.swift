import Crypto
package import TrancheCore

/// The hash chain over a ledger: each commit's digest covers the previous digest and every byte of the commit.
package enum HashChain {
    /// The first 128 bits of SHA-256 (FIPS 180-4) over the last digest and `bytes`.
    package static func next(after digest: ChainDigest, _ bytes: UnsafeRawBufferPointer) -> ChainDigest {
        var hash = SHA256()
        withUnsafeBytes(of: (digest.high.bigEndian, digest.low.bigEndian)) { hash.update(bufferPointer: $0) }
        hash.update(bufferPointer: bytes)
        return hash.finalize().withUnsafeBytes { bytes in
            ChainDigest(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}
