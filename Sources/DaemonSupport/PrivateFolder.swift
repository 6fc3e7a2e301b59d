import Foundation

/// New folders below the system's temporary folder (`TMPDIR`, or /tmp).
package enum PrivateFolder {
    /// Makes a folder that nobody else can enter, under a name that nobody can know before: an attacker who foresees
    /// the path of a privileged process can put a link of their own there.
    ///
    /// The caller removes it.
    package static func make(_ name: String) throws -> String {
        var template = Array("\(NSTemporaryDirectory())\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CocoaError(
                .fileWriteUnknown,
                userInfo: [
                    NSLocalizedDescriptionKey:
                        "no folder can be made in \(NSTemporaryDirectory()): \(String(cString: strerror(errno)))"
                ])
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
