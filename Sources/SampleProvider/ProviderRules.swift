package import TrancheAPI
import TrancheCore

/// The rules of the provider's book. They know neither HTTP nor a database.
package enum ProviderRules {
    /// - Throws: ``Problem`` with code `invalid_key`, `invalid_amount` or `invalid_currency`.
    package static func check(key: String?, amount: Int64, currency: String) throws(Problem) -> String {
        guard let key, ProviderForm.isKey(key) else {
            throw Problem(
                status: 400, code: "invalid_key",
                detail: "the header \(ProviderForm.keyHeader) is \"\((key ?? "").prefix(40))\", but must have "
                    + "1...\(ProviderForm.keyBytes) printable ASCII characters and no space")
        }
        guard (1...ProviderForm.amountLimit).contains(amount) else {
            throw Problem(
                status: 400, code: "invalid_amount",
                detail: "the amount \(amount) is not in 1...\(ProviderForm.amountLimit) minor units")
        }
        guard ProviderForm.isCurrency(currency) else {
            throw Problem(
                status: 400, code: "invalid_currency",
                detail: "the currency \"\(currency.prefix(8))\" is not three capital letters, as in EUR")
        }
        return key
    }

    /// A key is for one act: the same body may come again, and no other one.
    package static func keyReused(_ key: String) -> Problem {
        Problem(
            status: 409, code: "key_reused",
            detail: "the key \"\(key)\" was used with another body: use a new key for another act")
    }

    /// Whether a refund may be taken: it never gives back more than is left of its payment.
    ///
    /// - Parameter charge: The payment that it names, with what was given back before; `nil` if there is none.
    /// - Returns: Why it may not.
    package static func refusal(of refund: RefundBody, _ charge: ChargeDocument?) -> Problem? {
        guard let charge else {
            return Problem(
                status: 404, code: "unknown_payment", detail: "there is no payment \"\(refund.payment)\"")
        }
        guard charge.order == refund.order, charge.currency == refund.currency else {
            return Problem(
                status: 409, code: "other_payment",
                detail: "payment \(charge.payment) is of order \(charge.order), in \(charge.currency)")
        }
        let left = charge.amount - charge.refunded
        guard refund.amount <= left else {
            return Problem(
                status: 409, code: "refund_too_high",
                detail: "asked for \(refund.amount) of payment \(charge.payment), and \(left) is left of it")
        }
        return nil
    }
}
