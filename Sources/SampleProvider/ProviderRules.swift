package import TrancheAPI
import TrancheCore

/// The rules of the provider's book. They know neither HTTP nor a database.
package enum ProviderRules {
    /// - Throws: ``Problem`` with code `invalid_key`.
    package static func check(key: String?) throws(Problem) -> String {
        if let key, ProviderForm.isKey(key) { return key }
        throw Problem(
            status: 400, code: "invalid_key",
            detail: "the header \(ProviderForm.keyHeader) is \"\((key ?? "").prefix(40))\", but must have "
                + "1...\(ProviderForm.keyBytes) printable ASCII characters and no space")
    }

    /// - Throws: ``Problem`` with code `invalid_amount`.
    package static func check(amount: Int64, currency: String) throws(Problem) {
        guard Money(amount: amount, currency: currency) == nil else { return }
        throw Problem(
            status: 400, code: "invalid_amount",
            detail:
                "\(amount) \"\(currency.prefix(8))\" is not 1...\(Limits.amount) minor units of a currency of three "
                + "capital letters, as EUR")
    }

    /// A key is for one act: the same body may come again, and no other one.
    package static func keyReused(_ key: String) -> Problem {
        Problem(
            status: 409, code: "key_reused",
            detail: "the key \"\(key)\" was used with another body: use a new key for another act")
    }

    /// What a refund gives back: what it names, or all that is left. It never gives back more than is left of its
    /// payment.
    ///
    /// - Parameter charge: The payment that it names, with what was given back before; `nil` if there is none.
    package static func amount(of refund: RefundBody, _ charge: ChargeDocument?) -> Result<Int64, Problem> {
        guard let charge else {
            return .failure(
                Problem(status: 404, code: "unknown_payment", detail: "there is no payment \"\(refund.payment)\""))
        }
        guard charge.order == refund.order, refund.currency == nil || refund.currency == charge.currency else {
            return .failure(
                Problem(
                    status: 409, code: "other_payment",
                    detail: "payment \(charge.payment) is of order \(charge.order), in \(charge.currency)"))
        }
        let left = charge.amount - charge.refunded
        let wanted = refund.amount ?? left
        guard wanted > 0, wanted <= left else {
            return .failure(
                Problem(
                    status: 409, code: "refund_too_high",
                    detail: "asked for \(wanted) of payment \(charge.payment), and \(left) is left of it"))
        }
        return .success(wanted)
    }
}
