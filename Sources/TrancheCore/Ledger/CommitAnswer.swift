/// What a replicated server says at the end of a transaction, and whether a promoted standby will have it, too.
///
/// The server can call a commit successful that no standby has: when its wait was cancelled, it adds a warning, and when
/// its list of standbys was emptied meanwhile, not even that.
package struct CommitAnswer: Hashable, Sendable {
    /// The command that was carried out.
    package let command: String
    /// What the server has said beside it.
    package let warning: String?
    /// How many standbys the server asks for, read behind the commit; `nil` if none has to confirm.
    package let standbys: Int?

    package init(command: String, warning: String?, standbys: Int?) {
        (self.command, self.warning, self.standbys) = (command, warning, standbys)
    }

    /// Why the commit is in doubt, although the server has answered; `nil`: it is confirmed.
    package var doubt: String? {
        if let warning { return warning }
        if self.command != "COMMIT" { return "\(self.command) in place of COMMIT" }
        return self.standbys == 0 ? "synchronous_standby_names was emptied while the commit waited" : nil
    }
}
