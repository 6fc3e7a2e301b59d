import Crypto
package import TrancheCore

/// The credential of one operator: 32 random bytes, which only the operator has. Lists have its digest.
package enum OperatorCredential {
    /// SHA-256, in hexadecimal digits. It is fast, and need not be slow: it hides something that nobody can guess.
    package static func digest(of credential: some Sequence<UInt8>) -> String {
        HexBytes.text(SHA256.hash(data: Array(credential)))
    }

    /// 64 hexadecimal digits.
    package static func random(using generator: inout some RandomNumberGenerator) -> String {
        (0..<4).map { _ in Hex.text(generator.next()) }.joined()
    }
}

/// Who an operator is, for the operator.
package struct OperatorDocument: Codable, Sendable {
    package let name: String
    package let role: OperatorRole
    /// What the role may do.
    package let may: [ActKind]
    /// What becomes a proposal that a second person approves; `nil` for a center without approvals.
    package let forTwo: [ActKind]?

    package init(_ caller: Operator, hasApprovals: Bool) {
        (self.name, self.role) = (caller.name, caller.role)
        self.may = ActKind.allCases.filter(caller.role.may)
        self.forTwo = hasApprovals ? ActKind.allCases.filter(\.isForTwo) : nil
    }
}
