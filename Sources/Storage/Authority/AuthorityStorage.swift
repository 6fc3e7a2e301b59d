package import TrancheCore

/// The durable state of centers: the authority log, the last position seen of each unit's ledger, versions of the
/// configuration, secrets of sales, and the audit trail.
///
/// Every write is one transaction. It checks the epoch, so a center that was replaced can write nothing. A write that threw
/// changed nothing, except with ``StorageError/inDoubt(path:detail:)``.
package protocol AuthorityStorage: AnyObject, Sendable {
    /// What names it in messages: the path of a file, or a server and a database, without a password.
    var path: String { get }

    /// Whether other centers can write to it at the same time. If so, also an answer that changes nothing needs a commit
    /// under the epoch: the process may have been replaced without its knowledge.
    var isShared: Bool { get }

    /// All records, the first one first. For a long log this takes gigabytes: see ``recover()``.
    func log() throws(StorageError) -> [AuthorityRecord]
    func witnesses() throws(StorageError) -> [UnitID: LedgerHead]

    /// The book after the last record, and the witnesses.
    func recover() throws(StorageError) -> (book: AuthorityBook, witnesses: [UnitID: LedgerHead])

    /// Appends `records`, saves `witnesses` and writes acts and their lines of the audit trail in one transaction, unless a newer epoch has the log.
    ///
    /// - Returns: The position of the last record that was appended; `nil` if there was none.
    @discardableResult
    func append(
        _ records: [AuthorityRecord], witnesses: [UnitID: LedgerHead?], acts: [OperatorAct], notes: [AuditNote],
        as epoch: Epoch
    ) throws(StorageError) -> Int64?

    /// Finds out, after ``StorageError/inDoubt(path:detail:)``, whether the last append was carried out. After that it will
    /// not be carried out late.
    ///
    /// - Throws: ``StorageError/superseded(path:current:)``, or ``StorageError/inDoubt(path:detail:)`` if the store does not
    ///   answer: the call can be repeated.
    func settleDoubt(as epoch: Epoch) throws(StorageError) -> Bool

    /// Saves a snapshot of the book at a position.
    func append(snapshot book: AuthorityBook, at position: Int64, as epoch: Epoch) throws(StorageError)

    /// Saves the secret of a new sale, before its hash is published.
    func append(secret: String, sale: String, as epoch: Epoch) throws(StorageError)

    /// The secret whose hash was published with a sale.
    func secret(sale: String, where isPublished: (String) -> Bool) throws(StorageError) -> String?

    /// - Parameters:
    ///   - act: The operator's act that made this version.
    ///   - note: Its line of the audit trail.
    func append(
        _ version: AuthorityStore.ConfigVersion, act: OperatorAct?, note: AuditNote, as epoch: Epoch
    ) throws(StorageError)

    /// The newest versions, the newest one first.
    func configVersions(limit: Int) throws(StorageError) -> [AuthorityStore.ConfigVersion]

    func config(version: Int) throws(StorageError) -> AuthorityStore.ConfigVersion?

    /// Writes a line of the audit trail that belongs to no other write.
    func append(_ note: AuditNote, as epoch: Epoch) throws(StorageError)

    /// The last lines of the audit trail, the newest one first.
    func auditTrail(limit: Int) throws(StorageError) -> [AuditLine]

    /// The lines behind a position, in order, with the head that was there before they were read.
    func auditPage(after position: Int64) throws(StorageError) -> AuditPage

    /// The act with this key; `nil` if there is none.
    func act(_ key: String) throws(StorageError) -> OperatorAct?

    /// Saves a proposal, with its line of the audit trail.
    func append(_ proposal: Proposal, note: AuditNote, as epoch: Epoch) throws(StorageError)

    /// Ends a proposal whose act was not carried out. (That of one that was is in the act: ``OperatorAct/approval``.)
    func append(_ end: ProposalEnd, of proposal: UInt64, note: AuditNote, as epoch: Epoch) throws(StorageError)

    /// The last proposals, as many as an ``ApprovalBook`` keeps, the oldest one first.
    func proposals() throws(StorageError) -> [ApprovalBook.Entry]

    /// - Throws: ``StorageError/vanished(path:)`` if a file was deleted or replaced.
    func checkPresence() throws(StorageError)
}

extension AuthorityStorage {
    @discardableResult
    package func append(
        _ records: [AuthorityRecord], witnesses: [UnitID: LedgerHead?], as epoch: Epoch
    ) throws(StorageError) -> Int64? {
        try self.append(records, witnesses: witnesses, acts: [], notes: [], as: epoch)
    }

    /// An act without a line in the audit trail, for tests.
    @discardableResult
    package func append(
        _ records: [AuthorityRecord], witnesses: [UnitID: LedgerHead?], acts: [OperatorAct], as epoch: Epoch
    ) throws(StorageError) -> Int64? {
        try self.append(records, witnesses: witnesses, acts: acts, notes: [], as: epoch)
    }

    package func configVersions() throws(StorageError) -> [AuthorityStore.ConfigVersion] {
        try self.configVersions(limit: 100)
    }

    package func auditTrail() throws(StorageError) -> [AuditLine] { try self.auditTrail(limit: 200) }
}
