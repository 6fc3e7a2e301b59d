import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// Referrals: a home sends a new buyer to a unit that was added to the sale.

extension Gatehouse {
    /// The unit and the token that a home's answer names; `nil` if it is no referral.
    ///
    /// - Throws: `recovering`, see ``unit(at:)``.
    func referral(_ problem: Problem) throws(Problem) -> (unit: String, token: String)? {
        guard problem.status == 421, let location = problem.location, let token = problem.token else { return nil }
        return (try self.unit(at: location), token)
    }

    /// The address of the unit that another unit's answer names. A gate calls the units of its configuration only.
    ///
    /// - Throws: `recovering` if the configuration has no such unit. The home may have heard of an added one before this
    ///   gate, so the buyer must try again.
    func unit(at location: String) throws(Problem) -> String {
        let unit = String(location.reversed().drop { $0 == "/" }.reversed())
        let isOurs = self.setting.withLockedValue { $0.config.units.contains { $0.publicURL == unit } }
        guard isOurs else { throw self.refused(.recovering(retryAfterMilliseconds: 1_000)) }
        return unit
    }
}
