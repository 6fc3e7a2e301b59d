import Foundation

// Whether every file of an export is the one that was signed.

extension ExportCheck {
    mutating func checkFiles(_ manifest: ExportManifest, _ folder: String) throws {
        let listed = Set(manifest.files.map(\.name))
        let own: Set = [ExportManifest.name, ExportManifest.signatureName, ExportFile.linesFolder]
        for name in (try FileManager.default.subpathsOfDirectory(atPath: folder)).sorted()
        where !listed.contains(name) && !own.contains(name) {
            self.addFinding(name, nil, "it is not a part of the export")
        }
        for name in listed.sorted() where name.hasPrefix("/") || name.contains("..") {
            return self.addFinding(
                ExportManifest.name, nil, "it names a file outside of the folder: \"\(name.prefix(64))\"")
        }
        // A link in its place would lead all of its files out of the export.
        guard Self.status(of: "\(folder)/\(ExportFile.linesFolder)")?.kind == S_IFDIR else {
            return self.addFinding(ExportFile.linesFolder, nil, "it is missing, or no folder")
        }
        var bad: Set<String> = []
        for file in manifest.files where try !Self.isWhole(file, in: folder) { bad.insert(file.name) }
        for file in manifest.files where bad.contains(file.name) {
            if let status = Self.status(of: "\(folder)/\(file.name)"), status.kind != S_IFREG {
                self.addFinding(file.name, nil, "it is no regular file")
                continue
            }
            let lines = "\(ExportFile.linesFolder)/\(file.name)"
            let line =
                listed.contains(lines) && !bad.contains(lines)
                ? try Self.firstDifference("\(folder)/\(file.name)", digests: "\(folder)/\(lines)")
                : try self.firstDifferentDigest(file.name, bad, in: folder)
            self.addFinding(file.name, line, "it is not the file that the manifest names")
        }
    }

    /// Of the file itself, and not of what a link names: a device has no end, and a pipe may never begin.
    private static func status(of path: String) -> (kind: mode_t, bytes: Int)? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return (status.st_mode & S_IFMT, Int(status.st_size))
    }

    /// - Returns: `nil` for what is no regular file with up to `limit` bytes.
    static func bytes(of path: String, limit: Int) -> [UInt8]? {
        guard let status = self.status(of: path), status.kind == S_IFREG, status.bytes <= limit else { return nil }
        return FileManager.default.contents(atPath: path).map { Array($0) }
    }

    private static func isWhole(_ file: ExportManifest.File, in folder: String) throws -> Bool {
        let path = "\(folder)/\(file.name)"
        guard let status = self.status(of: path), status.kind == S_IFREG, status.bytes == file.bytes,
            var lines = FileLines(path)
        else { return false }
        var count = 0
        while try lines.next() != nil { count += 1 }
        return lines.bytes == file.bytes && count == file.lines && lines.sha256 == file.sha256
    }

    /// The first line of a file that has not its digest; the one behind the last, if only the end differs.
    private static func firstDifference(_ path: String, digests: String) throws -> Int? {
        guard var digests = FileLines(digests) else { return nil }
        var lines = FileLines(path)
        var number = 0
        while true {
            number += 1
            let (line, digest) = (try lines?.next(), try digests.next())
            guard let line, let digest else { return number }
            if Array(ExportFile.digest(of: line).utf8) != digest { return number }
        }
    }

    /// The first wrong line of a file of digests, whose own file is whole.
    private func firstDifferentDigest(_ name: String, _ bad: Set<String>, in folder: String) throws -> Int? {
        let prefix = ExportFile.linesFolder + "/"
        guard name.hasPrefix(prefix), !bad.contains(String(name.dropFirst(prefix.count))) else { return nil }
        return try Self.firstDifference(
            "\(folder)/\(name.dropFirst(prefix.count))", digests: "\(folder)/\(name)")
    }
}
