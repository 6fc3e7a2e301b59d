// Whether a server keeps what it has confirmed, also when its machine is lost.

extension PostgresConnection {
    /// Checks the server's settings. To be called with each new connection, before anything is read or written.
    ///
    /// - Parameters:
    ///   - allowsUnreplicated: Set by an operator for trials on one machine: no standby has to confirm.
    ///   - permission: The name of the setting that allows it, for the message.
    /// - Throws: ``PostgresError/unsafe(target:setting:value:wanted:)`` with the first setting that loses commits.
    package func checkDurability(allowsUnreplicated: Bool, permission: String) throws(PostgresError) {
        let names = ["fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names"]
        let columns = names.map { "current_setting('\($0)')" }.joined(separator: ", ")
        let rows = try self.run(PostgresStatement("SELECT \(columns), pg_is_in_recovery()"))
        func unsafe(_ setting: String, _ value: String, wanted: String) -> PostgresError {
            .unsafe(target: "\(self.target)", setting: setting, value: value, wanted: wanted)
        }
        guard rows.integer(0, names.count) == 0 else {
            throw unsafe("pg_is_in_recovery", "on", wanted: "off: a primary")
        }
        let values = (0..<names.count).map { rows.text(0, $0) ?? "" }
        for column in 0..<2 where values[column] != "on" { throw unsafe(names[column], values[column], wanted: "on") }
        // `local` and `remote_write` confirm what a standby has not on its disk; `off` what is on no disk.
        guard values[2] == "on" || values[2] == "remote_apply" else {
            throw unsafe(names[2], values[2], wanted: "on or remote_apply")
        }
        guard allowsUnreplicated || SynchronousStandbys(values[3]).confirmations > 0 else {
            throw unsafe(
                names[3], values[3],
                wanted: "a quorum such as ANY 1 (a, b); on one machine, for a trial, set \(permission)")
        }
        // A reload of the server's configuration changes open sessions, but not what they have set themselves.
        try self.run(PostgresStatement("SELECT set_config('synchronous_commit', '\(values[2])', false)"))
        self.needsStandbys = !allowsUnreplicated
    }
}
