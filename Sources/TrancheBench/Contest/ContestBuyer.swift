import Clusters
import CurlClient
import DaemonSupport
import Terminal
import TrancheAPI
import TrancheCore

/// A buyer who asks for one item of a contested lot, and looks until the contest has decided.
struct ContestBuyer {
    private static let pauseMilliseconds = 5
    private static let patienceSeconds = 30

    let layout: ClusterLayout
    let lot: LotID
    let curl: CurlClient

    /// - Returns: When each unit's buyer had an item, in seconds after `start`; the last of them.
    func secondsUntilAllHaveOne(since start: ContinuousClock.Instant) async throws -> Double {
        try await withThrowingTaskGroup(of: Double.self) { group in
            for unit in self.layout.units { group.addTask { try await self.buy(at: unit, since: start) } }
            return try await group.reduce(0) { max($0, $1) }
        }
    }

    private func buy(at unit: ClusterLayout.Unit, since start: ContinuousClock.Instant) async throws -> Double {
        let (order, token) = self.token(for: unit)
        let end = ContinuousClock.now + .seconds(Self.patienceSeconds)
        var isContested = false
        while ContinuousClock.now < end {
            if isContested {
                let state = try await self.state(of: order, at: unit)
                if state == "reserved" { return (ContinuousClock.now - start) / .seconds(1) }
                guard state == "contested" else { throw CommandError("the order at \(unit.name) became \(state)") }
            } else {
                // Not open yet, or not leading yet: ask again.
                let status = try await self.ask(unit, token)
                guard [202, 403, 503].contains(status) else { throw CommandError("\(unit.name) answered \(status)") }
                isContested = status == 202
            }
            try await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
        throw CommandError("the order at \(unit.name) was not decided within \(Self.patienceSeconds) s")
    }

    private func token(for unit: ClusterLayout.Unit) -> (OrderID, String) {
        let order = OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max))
        let now = SystemClock.now()
        let token = PurchaseToken(
            order: order, lot: self.lot, home: unit.id, buyer: BuyerID("buyer-\(order)")!, issuedAt: now,
            notBefore: now.advanced(milliseconds: -5_000), expiresAt: now.advanced(milliseconds: 600_000))
        return (order, TokenCodec(secret: self.layout.secret("TRANCHE_TOKEN_SECRET")).mint(token))
    }

    private func ask(_ unit: ClusterLayout.Unit, _ token: String) async throws -> Int {
        try await self.curl.send(
            CurlRequest(
                "POST", "\(unit.publicURL)/v1/lots/\(self.lot)/orders", headers: ["Authorization": "Bearer \(token)"],
                body: [])
        ).status
    }

    private func state(of order: OrderID, at unit: ClusterLayout.Unit) async throws -> String {
        let response = try await self.curl.send(CurlRequest("GET", "\(unit.publicURL)/v1/orders/\(order)"))
        guard response.status == 200 else { throw CommandError("\(unit.name) answered \(response.status)") }
        return try JSON.decode(OrderDocument.self, from: response.body).state
    }
}
