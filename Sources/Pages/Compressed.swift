import CBrotli
import CZlib

/// A file with its compressed forms, made once: the page is the same for a whole crowd.
package struct Compressed: Sendable {
    package let plain: [UInt8]
    package let gzip: [UInt8]
    package let brotli: [UInt8]

    package init(_ plain: [UInt8]) {
        self.plain = plain
        self.gzip = Self.gzip(plain) ?? plain
        self.brotli = Self.brotli(plain) ?? plain
    }

    /// The smallest form that the client takes, and the name of its coding; no name for the plain form.
    ///
    /// - Parameter acceptEncoding: The field of the request (RFC 9110, section 12.5.3). A coding with the weight 0 is
    ///   refused by the client; other weights do not matter, because both codings are made already.
    package func form(acceptEncoding: String) -> (bytes: [UInt8], coding: String?) {
        let taken = acceptEncoding.split(separator: ",").compactMap { part -> String? in
            let words = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard let coding = words.first, !words.dropFirst().contains(where: Self.isZero) else { return nil }
            return coding
        }
        if taken.contains("br"), self.brotli.count < self.plain.count { return (self.brotli, "br") }
        if taken.contains("gzip"), self.gzip.count < self.plain.count { return (self.gzip, "gzip") }
        return (self.plain, nil)
    }

    private static func isZero(_ weight: String) -> Bool {
        weight.hasPrefix("q=") && (Double(weight.dropFirst(2)) ?? 1) == 0
    }

    private static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        // 15 bits of window, and 16 for the gzip form (zlib manual, deflateInit2).
        guard
            deflateInit2_(
                &stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
        let status = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                return deflate(&stream, Z_FINISH)
            }
        }
        return status == Z_STREAM_END ? Array(output.prefix(Int(stream.total_out))) : nil
    }

    private static func brotli(_ bytes: [UInt8]) -> [UInt8]? {
        var count = BrotliEncoderMaxCompressedSize(bytes.count)
        var output = [UInt8](repeating: 0, count: count)
        let isDone = BrotliEncoderCompress(
            BROTLI_MAX_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, bytes.count, bytes, &count, &output)
        return isDone == BROTLI_TRUE ? Array(output.prefix(count)) : nil
    }
}
