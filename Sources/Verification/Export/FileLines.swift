import Crypto
import Foundation

/// Reads a file line by line.
struct FileLines {
    private static let chunkBytes = 1 << 16
    /// The longest line.
    private static let lineBytes = 1 << 20

    private let handle: FileHandle
    private var hash = SHA256()
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private(set) var bytes = 0

    init?(_ path: String) {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        self.handle = handle
    }

    /// The next line, without its end; `nil` behind the last one. A last line without an end, and a line that is too long,
    /// are cut off there.
    mutating func next() throws -> [UInt8]? {
        while true {
            if let end = self.buffer[self.start...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { self.start = end + 1 }
                return Array(self.buffer[self.start..<end])
            }
            if self.isAtEnd || self.buffer.count - self.start > Self.lineBytes {
                guard self.start < self.buffer.count else { return nil }
                defer { self.start = self.buffer.count }
                return Array(self.buffer[self.start...])
            }
            self.buffer.removeFirst(self.start)
            self.start = 0
            let chunk = try self.handle.read(upToCount: Self.chunkBytes) ?? Data()
            self.isAtEnd = chunk.isEmpty
            self.hash.update(data: chunk)
            self.bytes += chunk.count
            self.buffer += chunk
        }
    }

    /// The digest of all that was read.
    var sha256: String { ExportBytesText.text(Array(self.hash.finalize())) }
}
