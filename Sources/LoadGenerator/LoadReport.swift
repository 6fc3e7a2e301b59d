package import TrancheCore

/// The answers that a crowd received. They are recorded outside of the servers, and prove what the servers
/// acknowledged.
package struct LoadReport: Sendable, Codable {
    /// One 201 that a buyer received.
    package struct Acknowledged: Sendable, Codable {
        package let order: OrderID
        package let unit: UnitID
        package let quantity: Int
    }
    package var requests = 0
    package var acknowledged: [OrderID: Acknowledged] = [:]
    package var paid = 0
    package var paidOrders: [OrderID] = []
    package var tooLate = 0
    /// What the provider knows of each order's payments.
    package var payments: [OrderID: [SeenPayment]] = [:]
    package var answers: [String: Int] = [:]
    package var brokenConnections = 0
    /// Requests that entered a contest, and orders that waited for returned stock.
    package var contested = 0
    package var waitlisted: Set<OrderID> = []
    package var gaveUp = 0
    /// Calls to gates, by call and status.
    package var gate: [String: [Int: Int]] = [:]
    /// Different outcomes for the same token.
    package var contradictions: [String] = []
    /// Latency in milliseconds by percentile, counted from the intended time of the request.
    package var latency: [String: Double] = [:]
    package var offeredByUnit: [String: Int] = [:]
    package var acknowledgedByUnit: [String: Int] = [:]
    /// By ``VisitorKind``.
    package var visitors: [String: VisitorFigures] = [:]
    /// The most items that one identity had at one moment.
    package var mostItemsOfOne = 0
    /// Pairs of requests for a token, sent at the same moment, that were both granted, and those with two order ids.
    package var doubleClicks = 0
    package var splitClicks: [String] = []
    /// Set at the end, for a crowd that came through gates.
    package var crowd: CrowdVerdict?

    package init() {}

    package func figures(_ kind: VisitorKind) -> VisitorFigures { self.visitors[kind.rawValue] ?? VisitorFigures() }
}
