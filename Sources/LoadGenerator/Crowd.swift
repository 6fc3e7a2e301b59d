import DaemonSupport
import Histogram
import Identity
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TrancheAPI
import TrancheCore

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
        /// Requests of one script: about a hundred times those of a person.
        package var scriptRequests = 500
        package init() {}
    }

    let target: LoadTarget
    let settings: Settings
    private let places: NIOLockedValueBox<[Place]>
    private let doors: [GateDoor]
    /// Where buyers pay; `nil`: the crowd is its own provider.
    let provider: ProviderTill?
    private let codec: TokenCodec
    let signature: PaymentSignature
    private let records = CrowdRecords()
    /// What buyers used and showed: replayers take it.
    let loot = Loot()
    private let report: NIOLockedValueBox<LoadReport>
    // Free of coordinated omission: each value counts from the intended time of the request.
    private let histogram = NIOLockedValueBox(
        Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three))

    package init(_ target: LoadTarget, settings: Settings) {
        self.target = target
        self.settings = settings
        let group = MultiThreadedEventLoopGroup.singleton
        let places = target.units.compactMap { unit in
            ConnectionPool(url: unit.url, limit: settings.connectionsPerUnit, on: group.next()).map {
                Place(unit: unit, pool: $0)
            }
        }
        precondition(places.count == target.units.count, "a unit's address does not have the form http://host:port")
        self.places = NIOLockedValueBox(places)
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
        self.provider = target.provider.map { provider in
            guard
                let pool = ConnectionPool(url: provider.url, limit: settings.connectionsPerUnit, on: group.next())
            else { preconditionFailure("the provider's address does not have the form http://host:port") }
            return ProviderTill(pool: pool, secret: provider.secret, price: provider.price)
        }
        self.codec = TokenCodec(secret: target.tokenSecret)
        self.signature = PaymentSignature(secret: target.paymentSecret)
    }

    /// The report so far.
    package var current: LoadReport {
        var report = self.report.withLockedValue { $0 }
        self.records.write(into: &report)
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
                group.addTask { await self.come(arrival, intended: at, start: start) }
            }
        }
        return self.current
    }

    private func come(_ arrival: Arrival, intended: ContinuousClock.Instant, start: ContinuousClock.Instant) async {
        let end = start + .milliseconds(self.settings.patienceMilliseconds)
        // Without gates nobody stops a visitor, and every one is a buyer with a token.
        let kind = self.doors.isEmpty ? .person : arrival.kind
        let log = self.records.begin(kind, arrival.buyer)
        guard !kind.buysLikeAPerson else { return await self.live(arrival, log, intended: intended, end: end) }
        let door = self.doors[arrival.unit % self.doors.count]
        let visit = OddVisit(crowd: self, door: door, log: log, arrival: arrival, end: end)
        switch kind {
        case .person, .doubleClicker: break
        case .script: await visit.actAsScript(requests: self.settings.scriptRequests)
        case .blocked: await visit.actAsBlocked()
        case .forger: await visit.actAsForger()
        case .replayer: await visit.actAsReplayer()
        }
    }

    private func live(
        _ first: Arrival, _ log: VisitorLog, intended: ContinuousClock.Instant, end: ContinuousClock.Instant
    ) async {
        var (arrival, askedAt, isAgain) = (first, intended, false)
        var visit = self.doors.isEmpty ? nil : self.visit(first, log)
        while !Task.isCancelled {
            let token: (id: OrderID, text: String)
            if visit == nil {
                token = self.mint(arrival)
            } else {
                switch await visit!.token(isAgain: isAgain, until: end) {
                case .token(let document):
                    token = (document.order, document.token)
                    guard let home = self.unit(at: document.unit) else { return }
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
            self.note { $0.offeredByUnit[self.place(arrival.unit).unit.name, default: 0] += 1 }
            let (order, refusal) = await self.order(&arrival, token, log, intended: askedAt, end: end)
            if let order {
                // The order of a name that many use may not be the last one: its session would lead to a new order.
                if let visit, !arrival.isBot { self.loot.add(visit.used(token: token.text, unit: arrival.unit)) }
                if arrival.pays { await self.pay(arrival, order, log) }
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
    private func visit(_ arrival: Arrival, _ log: VisitorLog) -> GateVisit {
        GateVisit(self.doors[arrival.unit % self.doors.count], lot: self.target.lot, log: log)
    }

    /// A unit, and the connections to it.
    struct Place: Sendable {
        let unit: LoadTarget.Unit
        let pool: ConnectionPool
    }

    func place(_ unit: Int) -> Place { self.places.withLockedValue { $0[unit] } }

    func unit(at url: String) -> Int? { self.places.withLockedValue { $0.firstIndex { $0.unit.url == url } } }

    /// The unit that a referral names: one that was added since the crowd began is new here.
    func unit(of referral: (url: String, token: String)) -> Int? {
        self.places.withLockedValue { places in
            if let known = places.firstIndex(where: { $0.unit.url == referral.url }) { return known }
            guard let home = try? self.codec.open(referral.token.utf8).home,
                let pool = ConnectionPool(
                    url: referral.url, limit: self.settings.connectionsPerUnit,
                    on: MultiThreadedEventLoopGroup.singleton.next())
            else { return nil }
            places.append(Place(unit: .init(id: home, name: "unit \(home)", url: referral.url), pool: pool))
            return places.count - 1
        }
    }

    /// A genuine token that no gate made.
    ///
    /// - Parameter lifeMilliseconds: Until it expires; below zero for one that has expired.
    func mint(_ arrival: Arrival, lifeMilliseconds: Int64 = 600_000) -> (id: OrderID, text: String) {
        let id = OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max))
        let now = SystemClock.now()
        let issuedAt = now.advanced(milliseconds: min(0, lifeMilliseconds) * 2)
        let token = PurchaseToken(
            order: id, lot: self.target.lot, home: self.place(arrival.unit).unit.id, buyer: BuyerID(arrival.buyer)!,
            issuedAt: issuedAt, notBefore: issuedAt.advanced(milliseconds: -5_000),
            expiresAt: now.advanced(milliseconds: lifeMilliseconds), epoch: self.target.epoch)
        return (id, self.codec.mint(token))
    }

    func note(_ body: (inout LoadReport) -> Void) { self.report.withLockedValue { body(&$0) } }

    func record(_ intended: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - intended).components
        let microseconds = UInt64(max(0, seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
        self.histogram.withLockedValue { _ = $0.record(min(microseconds, 60_000_000)) }
    }
}
