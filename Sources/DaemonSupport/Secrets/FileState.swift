import CTimex
import Foundation

/// What changes when a file is written or replaced, or when somebody else may read it.
struct FileState: Hashable {
    let device: UInt64
    let inode: UInt64
    let bytes: Int64
    let owner: UInt64
    let mode: UInt64
    /// When its content was written.
    let modified: Date
    /// When anything of it has changed, in nanoseconds: a copy may keep the time above.
    let changed: Int64

    static let missing = FileState(
        device: 0, inode: 0, bytes: -1, owner: 0, mode: 0, modified: .distantPast, changed: 0)

    /// - Returns: A missing file is a state, too.
    static func of(_ path: String) -> FileState {
        // Certificates and secrets are often replaced by turning a link to another file.
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let found = try? FileManager.default.attributesOfItem(atPath: file) else { return .missing }
        func number(_ key: FileAttributeKey) -> UInt64 { (found[key] as? NSNumber)?.uint64Value ?? 0 }
        return FileState(
            device: number(.systemNumber), inode: number(.systemFileNumber), bytes: Int64(number(.size)),
            owner: number(.ownerAccountID), mode: number(.posixPermissions),
            modified: found[.modificationDate] as? Date ?? .distantPast, changed: Int64(ctimex_changed(file)))
    }
}
