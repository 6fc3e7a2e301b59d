import DaemonSupport
import Foundation
import Histogram
import Identity
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TrancheAPI
package import TrancheCore

/// The units and the lot that a crowd buys from.
package struct LoadTarget: Sendable {
    package struct Unit: Sendable {
        package let id: UnitID
        package let name: String
        package let url: String
        package init(id: UnitID, name: String, url: String) { (self.id, self.name, self.url) = (id, name, url) }
    }
    /// The gate of a region.
    package struct Gate: Sendable {
        package let name: String
        package let url: String
        package init(name: String, url: String) { (self.name, self.url) = (name, url) }
    }
    package let lot: LotID
    package let units: [Unit]
    /// In the order of the units' regions; empty: buyers come with tokens, and call the units at once.
    package let gates: [Gate]
    /// The gates' secret, which makes the identities of buyers.
    package let gateKey: String
    package let tokenSecret: String
    package let paymentSecret: String
    package init(
        lot: LotID, units: [Unit], gates: [Gate] = [], gateKey: String = "", tokenSecret: String, paymentSecret: String
    ) {
        self.lot = lot
        self.units = units
        self.gates = gates
        self.gateKey = gateKey
        self.tokenSecret = tokenSecret
        self.paymentSecret = paymentSecret
    }
}

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
}

/// Runs buyers against units in open loop: no buyer waits for the answers to other buyers.
package final class Crowd: Sendable {
    package struct Settings: Sendable {
        /// How long buyers retry, in milliseconds from the start of the load.
        package var patienceMilliseconds = 20_000
        /// Pause before a refused buyer tries again with a new token, in milliseconds; `nil`: the buyer does not try
        /// again.
        package var comesBackAfterMilliseconds: ClosedRange<Int>?
        package var connectionsPerUnit = 128
        /// Whether buyers poll a contested order until it is decided, and pay.
        package var followsContests = true
        /// The sale, where buyers come through gates.
        package var sale = ""
        package init() {}
    }

    private let target: LoadTarget
    private let settings: Settings
    private let pools: [ConnectionPool]
    private let doors: [GateDoor]
    private let codec: TokenCodec
    private let signature: PaymentSignature
    private let report: NIOLockedValueBox<LoadReport>
    // Free of coordinated omission: each value counts from the intended time of the request.
    private let histogram = NIOLockedValueBox(
        Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three))

    package init(_ target: LoadTarget, settings: Settings) {
        self.target = target
        self.settings = settings
        let group = MultiThreadedEventLoopGroup.singleton
        self.pools = target.units.compactMap {
            ConnectionPool(url: $0.url, limit: settings.connectionsPerUnit, on: group.next())
        }
        precondition(self.pools.count == target.units.count, "a unit's address does not have the form http://host:port")
        let report = NIOLockedValueBox(LoadReport())
        self.report = report
        let dev = DevIdentity(gateKey: target.gateKey)
        self.doors = target.gates.compactMap { gate in
            ConnectionPool(url: gate.url, limit: settings.connectionsPerUnit, on: group.next()).map { pool in
                GateDoor(gate, sale: settings.sale, pool: pool, dev: dev) { call, status in
                    report.withLockedValue { $0.gate[call, default: [:]][status, default: 0] += 1 }
                }
            }
        }
        precondition(self.doors.count == target.gates.count, "a gate's address does not have the form http://host:port")
        self.codec = TokenCodec(secret: target.tokenSecret)
        self.signature = PaymentSignature(secret: target.paymentSecret)
    }

    /// The report so far.
    package var current: LoadReport {
        var report = self.report.withLockedValue { $0 }
        self.histogram.withLockedValue { histogram in
            for percentile in [50.0, 90, 99, 99.9, 100] {
                report.latency[
                    "p\(percentile == percentile.rounded() ? String(Int(percentile)) : String(percentile))"] =
                    Double(histogram.valueAtPercentile(percentile)) / 1_000
            }
        }
        return report
    }

    /// Runs the arrivals; returns when every buyer is done.
    package func run(_ arrivals: [Arrival]) async -> LoadReport {
        let start = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            for arrival in arrivals where !Task.isCancelled {
                let at = start + .milliseconds(arrival.atMilliseconds)
                if at > .now { try? await Task.sleep(until: at, clock: .continuous) }
                group.addTask { await self.live(arrival, intended: at, start: start) }
            }
        }
        return self.current
    }

    private func live(_ first: Arrival, intended: ContinuousClock.Instant, start: ContinuousClock.Instant) async {
        let end = start + .milliseconds(self.settings.patienceMilliseconds)
        var (arrival, askedAt, isAgain) = (first, intended, false)
        var visit = self.doors.isEmpty ? nil : self.visit(first)
        while !Task.isCancelled {
            let token: (id: OrderID, text: String)
            if visit == nil {
                token = self.mint(arrival)
            } else {
                switch await visit!.token(isAgain: isAgain, until: end) {
                case .token(let document):
                    token = (document.order, document.token)
                    guard let home = self.target.units.firstIndex(where: { $0.url == document.unit }) else { return }
                    arrival.unit = home
                    askedAt = .now
                case .refused(let code):
                    self.note { $0.answers["gate: \(code)", default: 0] += 1 }
                    guard code == "sold_out", let pause = self.settings.comesBackAfterMilliseconds else { return }
                    try? await Task.sleep(for: .milliseconds(Int.random(in: pause)))
                    guard ContinuousClock.now < end else { return }
                    continue
                case .outOfTime: return self.note { $0.gaveUp += 1 }
                }
            }
            self.note { $0.offeredByUnit[self.target.units[arrival.unit].name, default: 0] += 1 }
            let (order, refusal) = await self.order(arrival, token, intended: askedAt, end: end)
            if let order {
                if arrival.pays { await self.pay(arrival, order) }
                return
            }
            guard refusal == "sold_out", let pause = self.settings.comesBackAfterMilliseconds else { return }
            askedAt = .now + .milliseconds(Int.random(in: pause))
            guard askedAt < end else { return }
            try? await Task.sleep(until: askedAt, clock: .continuous)
            isAgain = true
        }
    }

    /// The way of a buyer through the gate of the buyer's region.
    private func visit(_ arrival: Arrival) -> GateVisit {
        let door = self.doors[arrival.unit % self.doors.count]
        return GateVisit(door, lot: self.target.lot, buyer: arrival.buyer, region: door.gate.name)
    }

    private func mint(_ arrival: Arrival) -> (id: OrderID, text: String) {
        let id = OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max))
        let now = SystemClock.now()
        let token = PurchaseToken(
            order: id, lot: self.target.lot, home: self.target.units[arrival.unit].id, buyer: BuyerID(arrival.buyer)!,
            issuedAt: now,
            notBefore: Instant(microseconds: now.microseconds - 5_000_000),
            expiresAt: now.advanced(milliseconds: 600_000))
        return (id, self.codec.mint(token))
    }

    /// Repeats the request until the answer is final.
    private func order(
        _ arrival: Arrival, _ token: (id: OrderID, text: String), intended: ContinuousClock.Instant,
        end: ContinuousClock.Instant
    ) async -> (OrderID?, String?) {
        let request = self.buyRequest(token.text, quantity: arrival.quantity)
        let pool = self.pools[arrival.unit]
        if arrival.losesConnection {
            await pool.sendAndCut(request)
            self.note { $0.brokenConnections += 1 }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 50...300)))
        }
        var askedAt = intended
        while ContinuousClock.now < end, !Task.isCancelled {
            let copy = arrival.submitsTwice ? Task { await self.ask(pool, request, arrival, nil).code } : nil
            let (code, order, pause) = await self.ask(pool, request, arrival, askedAt)
            if let second = await copy?.value, Self.contradict(second, code) {
                self.note { $0.contradictions.append("\(token.id): \(code) and \(second)") }
            }
            if code == "202", !self.settings.followsContests { return (nil, code) }
            if code == "202" { return await self.follow(token.id, pool, arrival, end) }
            guard code == "retry" else { return (order, code) }
            askedAt = .now + .milliseconds(pause)
            try? await Task.sleep(until: askedAt, clock: .continuous)
        }
        self.note { $0.gaveUp += 1 }
        return (nil, nil)
    }

    /// Whether two answers to one token cannot both be right. An order may end between them.
    private static func contradict(_ one: String, _ other: String) -> Bool {
        one != other && !self.isOpen(one) && !self.isOpen(other) && Set([one, other]) != ["201", "200"]
    }

    /// Whether the answer is not final.
    private static func isOpen(_ code: String) -> Bool { code == "retry" || code == "202" }

    /// Polls a contested order until it is decided.
    private func follow(
        _ id: OrderID, _ pool: ConnectionPool, _ arrival: Arrival, _ end: ContinuousClock.Instant
    ) async -> (OrderID?, String?) {
        let request = ByteBuffer(string: "GET /v1/orders/\(id) HTTP/1.1\r\nHost: tranche\r\n\r\n")
        self.note { $0.contested += 1 }
        var pause = 150...400
        while ContinuousClock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Int.random(in: pause)))
            pause = 700...1_300  // The answer says Retry-After: 1.
            self.note { $0.requests += 1 }
            guard let response = try? await pool.send(request) else { continue }
            if response.status == 200, let document = try? JSON.decode(OrderDocument.self, from: response.body.utf8) {
                if document.state == "waitlisted" { self.note { _ = $0.waitlisted.insert(id) } }
                guard document.state != "contested", document.state != "waitlisted" else { continue }
                self.acknowledge(document, arrival)
                return (document.order, "201")
            }
            let code = (try? JSON.decode(Problem.self, from: response.body.utf8))?.code ?? "\(response.status)"
            if response.status == 503 { continue }
            self.note { $0.answers[code, default: 0] += 1 }
            return (nil, code)
        }
        self.note { $0.gaveUp += 1 }
        return (nil, nil)
    }

    private func acknowledge(_ document: OrderDocument, _ arrival: Arrival) {
        let unit = self.target.units[arrival.unit]
        self.note { report in
            report.answers["201", default: 0] += 1
            let known = report.acknowledged.updateValue(
                .init(order: document.order, unit: unit.id, quantity: document.quantity), forKey: document.order)
            if known == nil { report.acknowledgedByUnit[unit.name, default: 0] += document.quantity }
        }
    }

    private func ask(
        _ pool: ConnectionPool, _ request: ByteBuffer, _ arrival: Arrival, _ intended: ContinuousClock.Instant?
    ) async -> (code: String, order: OrderID?, pauseMilliseconds: Int) {
        self.note { $0.requests += 1 }
        guard let response = try? await pool.send(request) else {
            self.note { $0.brokenConnections += 1 }
            return ("retry", nil, Int.random(in: 100...400))
        }
        if let intended { self.record(intended) }
        if response.status == 201, let document = try? JSON.decode(OrderDocument.self, from: response.body.utf8) {
            self.acknowledge(document, arrival)
            return ("201", document.order, 0)
        }
        if response.status == 202 { return ("202", nil, 0) }
        let code = (try? JSON.decode(Problem.self, from: response.body.utf8))?.code ?? "\(response.status)"
        self.note { $0.answers[code, default: 0] += 1 }
        let isTransient = response.status == 503 || code == "not_started" || code == "rate_limited"
        return (
            isTransient ? "retry" : code, nil,
            min(1_000, (response.retryAfterSeconds ?? 1) * 1_000) / 2 + Int.random(in: 0...500)
        )
    }

    private func pay(_ arrival: Arrival, _ order: OrderID) async {
        try? await Task.sleep(for: .milliseconds(arrival.thinkMilliseconds))
        for _ in 0..<40 where !Task.isCancelled {
            let body = JSON.encode(PaymentBody(order: order, payment: PaymentID("pay-\(order)")!))
            let now = SystemClock.now()
            var request = ByteBuffer()
            request.writeString(
                "POST /v1/payments/callback HTTP/1.1\r\nHost: tranche\r\nContent-Type: application/json\r\n"
                    + "\(PaymentSignature.header): \(self.signature.sign(body, at: now))\r\nContent-Length: \(body.count)\r\n\r\n"
            )
            request.writeBytes(body)
            if let response = try? await self.pools[arrival.unit].send(request), response.status != 503 {
                self.note { report in
                    if response.status == 200 {
                        report.paid += arrival.quantity
                        report.paidOrders.append(order)
                    } else {
                        report.tooLate += 1
                    }
                }
                return
            }
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    private func buyRequest(_ token: String, quantity: Int) -> ByteBuffer {
        let body = quantity == 1 ? "" : "{\"quantity\":\(quantity)}"
        return ByteBuffer(
            string:
                "POST /v1/lots/\(self.target.lot)/orders HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private func note(_ body: (inout LoadReport) -> Void) { self.report.withLockedValue { body(&$0) } }

    private func record(_ intended: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - intended).components
        let microseconds = UInt64(max(0, seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
        self.histogram.withLockedValue { _ = $0.record(min(microseconds, 60_000_000)) }
    }
}
