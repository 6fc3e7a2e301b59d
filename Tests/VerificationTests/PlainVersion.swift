import Storage
import TrancheCore

extension AuthorityStorage {
    /// Appends a version of the configuration that no operator's act made, with its line of the audit trail.
    func append(_ version: AuthorityStore.ConfigVersion, as epoch: Epoch) throws {
        let note = AuditNote(at: version.at, actor: version.actor, action: "config", detail: version.note)
        try self.append(version, act: nil, note: note, as: epoch)
    }
}
