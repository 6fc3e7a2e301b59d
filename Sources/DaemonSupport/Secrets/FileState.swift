import Foundation

/// What changes when a file is written or replaced.
struct FileState: Hashable {
    let device: UInt64
    let inode: UInt64
    let bytes: Int64
    let modified: Date

    static let missing = FileState(device: 0, inode: 0, bytes: -1, modified: .distantPast)

    /// - Returns: A missing file is a state, too.
    static func of(_ path: String) -> FileState {
        // Certificates and secrets are often replaced by turning a link to another file.
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let found = try? FileManager.default.attributesOfItem(atPath: file) else { return .missing }
        func number(_ key: FileAttributeKey) -> UInt64 { (found[key] as? NSNumber)?.uint64Value ?? 0 }
        return FileState(
            device: number(.systemNumber), inode: number(.systemFileNumber), bytes: Int64(number(.size)),
            modified: found[.modificationDate] as? Date ?? .distantPast)
    }
}
