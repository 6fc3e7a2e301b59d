import Crypto
import Foundation

/// A file of an export, and beside it the digest of each of its lines: a check names the line that was changed.
struct ExportFile {
    /// The folder with the digests of lines.
    static let linesFolder = "lines"

    private var file: ExportBytes
    private var lines: ExportBytes

    init(_ name: String, in folder: String) throws {
        self.file = try ExportBytes(name, in: folder)
        self.lines = try ExportBytes("\(Self.linesFolder)/\(name)", in: folder)
    }

    mutating func add(_ line: String) throws {
        let bytes = Array(line.utf8)
        try self.file.add(bytes)
        try self.lines.add(Array(Self.digest(of: bytes).utf8))
    }

    /// Makes both files durable.
    mutating func end() throws -> [ExportManifest.File] { [try self.file.end(), try self.lines.end()] }

    /// Writes a whole file.
    static func write(_ lines: [String], _ name: String, in folder: String) throws -> [ExportManifest.File] {
        var file = try ExportFile(name, in: folder)
        for line in lines { try file.add(line) }
        return try file.end()
    }

    /// 64 bits of SHA-256 over a line without its end: they find a line, and the manifest proves the file.
    static func digest(of line: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        hash.update(data: Array(line))
        return ExportBytesText.text(Array(hash.finalize()).prefix(8))
    }
}

/// Lines on their way to a file.
private struct ExportBytes {
    private static let bufferBytes = 1 << 16

    private let name: String
    private let handle: FileHandle
    private var hash = SHA256()
    private var buffer: [UInt8] = []
    private var (bytes, lines) = (0, 0)

    init(_ name: String, in folder: String) throws {
        self.name = name
        let path = "\(folder)/\(name)"
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw ExportError.io(path: path, detail: "it cannot be written") }
        self.handle = handle
    }

    mutating func add(_ line: [UInt8]) throws {
        self.buffer += line
        self.buffer.append(UInt8(ascii: "\n"))
        self.lines += 1
        if self.buffer.count >= Self.bufferBytes { try self.flush() }
    }

    private mutating func flush() throws {
        self.hash.update(data: self.buffer)
        self.bytes += self.buffer.count
        do { try self.handle.write(contentsOf: self.buffer) } catch {
            throw ExportError.io(path: self.name, detail: error.localizedDescription)
        }
        self.buffer.removeAll(keepingCapacity: true)
    }

    mutating func end() throws -> ExportManifest.File {
        try self.flush()
        do {
            try self.handle.synchronize()
            try self.handle.close()
        } catch { throw ExportError.io(path: self.name, detail: error.localizedDescription) }
        return ExportManifest.File(
            name: self.name, bytes: self.bytes, lines: self.lines,
            sha256: ExportBytesText.text(Array(self.hash.finalize())))
    }
}
