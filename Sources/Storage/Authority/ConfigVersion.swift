package import Foundation
package import TrancheCore

extension AuthorityStore {
    /// One version of the configuration, as it was pushed.
    package struct ConfigVersion: Sendable {
        package let version: Int
        package let checksum: String
        package let content: Data
        package let at: Instant
        package let actor: String
        package let note: String

        package init(version: Int, checksum: String, content: Data, at: Instant, actor: String, note: String) {
            self.version = version
            self.checksum = checksum
            self.content = content
            self.at = at
            self.actor = actor
            self.note = note
        }
    }
}
