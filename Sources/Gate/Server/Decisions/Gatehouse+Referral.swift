import NIOConcurrencyHelpers
import TrancheAPI

// Referrals: a home sends a new buyer to a unit that was added to the sale.

extension Gatehouse {
    /// The unit and the token that a home's answer names; `nil` if it is no referral, or names none of our units.
    func referral(_ problem: Problem) -> (unit: String, token: String)? {
        guard problem.status == 421, let location = problem.location, let token = problem.token else { return nil }
        let unit = String(location.reversed().drop { $0 == "/" }.reversed())
        let isOurs = self.setting.withLockedValue { $0.config.units.contains { $0.publicURL == unit } }
        return isOurs ? (unit, token) : nil
    }
}
