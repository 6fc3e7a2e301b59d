import Foundation

/// New folders below the system's temporary folder (`TMPDIR`, or /tmp).
package enum PrivateFolder {
    /// Creates a folder that only the user of this process can enter, under a random name. An attacker who can predict
    /// the path of a privileged process could create a symbolic link there.
    ///
    /// The caller removes it.
    package static func make(_ name: String) throws -> String {
        var template = Array("\(NSTemporaryDirectory())\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CocoaError(
                .fileWriteUnknown,
                userInfo: [
                    NSLocalizedDescriptionKey:
                        "no folder can be created in \(NSTemporaryDirectory()): \(String(cString: strerror(errno)))"
                ])
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
