import Foundation

/// The fields that rules which differ may have. A document is read leniently, so that an older process can read a
/// newer one's; but what an operator sends with a field that nothing would read must not look as if it had been taken.
package enum RuleFields {
    private static let rules: Set<String> = ["gate", "limits", "lines"]
    private static let gate: Set<String> = [
        "rules", "perUserPerMinute", "perAddressPerMinute", "perSessionPerMinute", "burst", "perLotPerSecond",
        "challenge",
        "workCost", "minimumAnswerMilliseconds", "clockMilliseconds", "delayMilliseconds", "switches",
    ]
    private static let switches: Set<String> = ["events", "estimates", "harder"]
    private static let variant: Set<String> = ["name", "units", "regions", "rules"]
    private static let terms: Set<String> = ["watchMilliseconds", "risePermille", "latencyPercent", "leastAnswers"]

    /// - Parameter bytes: A ``VariantsBody``.
    /// - Throws: ``Problem`` with code `unknown_field`.
    package static func checkVariants(_ bytes: [UInt8]) throws(Problem) {
        let body = Self.object(bytes)
        try Self.check(body, ["variants"], "the body")
        for (index, one) in (body["variants"] as? [Any] ?? []).enumerated() {
            guard let one = one as? [String: Any] else { continue }
            try Self.check(one, Self.variant, "variants[\(index)]")
            try Self.checkRules(one, "variants[\(index)].")
        }
    }

    /// - Parameter bytes: A ``StagedBody``.
    /// - Throws: ``Problem`` with code `unknown_field`.
    package static func checkStaged(_ bytes: [UInt8]) throws(Problem) {
        let body = Self.object(bytes)
        try Self.check(body, ["rules", "unit", "terms"], "the body")
        if let terms = body["terms"] as? [String: Any] { try Self.check(terms, Self.terms, "terms") }
        try Self.checkRules(body, "")
    }

    /// - Parameter bytes: A ``SaleConfig/RuleChange``.
    /// - Throws: ``Problem`` with code `unknown_field`.
    package static func checkRules(_ bytes: [UInt8]) throws(Problem) {
        try Self.checkRules(["rules": Self.object(bytes)], "")
    }

    private static func checkRules(_ owner: [String: Any], _ path: String) throws(Problem) {
        guard let rules = owner["rules"] as? [String: Any] else { return }
        try Self.check(rules, Self.rules, path + "rules")
        guard let gate = rules["gate"] as? [String: Any] else { return }
        try Self.check(gate, Self.gate, path + "rules.gate")
        guard let switches = gate["switches"] as? [String: Any] else { return }
        try Self.check(switches, Self.switches, path + "rules.gate.switches")
    }

    /// What is no object is found by the decoder, which says so.
    private static func object(_ bytes: [UInt8]) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:]
    }

    private static func check(_ object: [String: Any], _ allowed: Set<String>, _ path: String) throws(Problem) {
        guard let name = object.keys.filter({ !allowed.contains($0) }).min() else { return }
        throw Problem(
            status: 422, code: "unknown_field",
            detail: "\(path) has the field \"\(name.prefix(64))\", which may not differ or does not exist; allowed "
                + "are: "
                + allowed.sorted().joined(separator: ", "))
    }
}
