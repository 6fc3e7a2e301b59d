package import Storage

/// What is wrong with one ledger, judged without the center's log.
package enum LedgerFindings {
    package static func of(_ audit: LedgerAudit) -> [String] {
        let evidence = UnitEvidence(name: "unit \(audit.unit)", audit: audit)
        return evidence.findings.sorted { $0.key < $1.key }.flatMap { invariant, findings in
            findings.map { "\(invariant): \($0)" }
        }
    }
}
