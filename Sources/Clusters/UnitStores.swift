/// Where a unit keeps its ledger and finds its Redis, if not beside itself.
package struct UnitStores: Sendable {
    /// The connection string of a PostgreSQL whose standbys confirm each commit.
    package let ledger: String
    /// Addresses, separated by commas.
    package let sentinels: String
    /// The name that the Sentinels have for the unit's Redis.
    package let master: String
    /// Passwords, by the variable that the unit reads.
    package let secrets: [String: String]

    package init(ledger: String, sentinels: String, master: String, secrets: [String: String]) {
        (self.ledger, self.sentinels, self.master, self.secrets) = (ledger, sentinels, master, secrets)
    }
}
