// When a unit's report shows a new head of its ledger.

extension UnitMachine {
    /// Whether the next report draws a nonce; if not, it shows the head of the report before it once more.
    ///
    /// A nonce overwrites the last one in the ledger, and the ledger proves only some of the heads that were overwritten. The
    /// center may hold any head that it was shown and has not confirmed. So there is at most one: while the center is silent
    /// and nothing else is written, the head stays. After any other entry a new nonce is drawn, because two copies of the
    /// ledger may have the same entry.
    func drawsNonce(_ output: UnitOutput) -> Bool {
        guard let last = self.reported.last else { return true }
        let isConfirmed = self.witness?.position ?? 0 >= last.position
        return isConfirmed || self.head != last || output.entries.contains { !$0.isHeartbeat }
    }
}
