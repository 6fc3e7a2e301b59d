import TrancheCore

/// One buyer of a load: the arrival time and the behaviour.
package struct Arrival: Hashable, Sendable {
    package var atMilliseconds: Int
    package var unit: Int
    package var buyer: String
    package var quantity: Int
    package var submitsTwice = false
    package var losesConnection = false
    package var pays = true
    package var thinkMilliseconds = 500
    package var habit = PaymentHabit.honest
    /// How the visitor behaves at a gate.
    package var kind = VisitorKind.person
    /// The name is that of several buyers of the load.
    package var isBot = false

    package init(atMilliseconds: Int, unit: Int, buyer: String, quantity: Int) {
        self.atMilliseconds = atMilliseconds
        self.unit = unit
        self.buyer = buyer
        self.quantity = quantity
    }
}

/// A crowd of buyers: their number, rate, regions and behaviour.
package struct LoadPlan: Sendable {
    package var buyers: Int
    package var seconds: Double
    /// The weight of each unit, in the order of the units.
    package var weights: [Int]
    package var doublePercent = 0
    package var cutPercent = 0
    package var abandonPercent = 0
    /// Of 100 payments, how many have an odd ``PaymentHabit``, each kind as often.
    package var oddPaymentPercent = 0
    /// How much longer a late payment takes: more than the payment window.
    package var lateMilliseconds = 0
    /// Of 100 requests, how many come from a few bots. Each bot uses one buyer name and many tokens.
    package var botPercent = 0
    package static let botsPerUnit = 20
    /// Visitors of gates who are no plain people.
    package var shares = VisitorShares()
    /// Blocked visitors share so many names: each name costs a change of the sale's configuration.
    package static let blockedNames = 20
    package var thinkMilliseconds: ClosedRange<Int> = 200...1_500
    package var quantity = 1
    package var seed: UInt64 = 1

    package init(buyers: Int, seconds: Double, weights: [Int]) {
        self.buyers = buyers
        self.seconds = seconds
        self.weights = weights
    }

    /// Arrivals at a constant mean rate, at random moments (a Poisson process, given its number of events).
    package func arrivals() -> [Arrival] {
        var random = SplitMix(seed: self.seed)
        let span = max(1, Int(self.seconds * 1_000))
        let total = max(1, self.weights.reduce(0, +))
        return (0..<self.buyers).map { number in
            var pick = random.number(below: total)
            let unit =
                self.weights.firstIndex { weight in
                    pick -= weight
                    return pick < 0
                } ?? 0
            var arrival = Arrival(
                atMilliseconds: random.number(below: span), unit: unit, buyer: "buyer-\(self.seed)-\(number)",
                quantity: self.quantity)
            if self.botPercent > 0, random.number(below: 100) < self.botPercent {
                arrival.isBot = true
                arrival.buyer = "bot-\(self.seed)-\(unit)-\(random.number(below: Self.botsPerUnit))"
            }
            arrival.submitsTwice = random.number(below: 100) < self.doublePercent
            arrival.losesConnection = random.number(below: 100) < self.cutPercent
            arrival.pays = random.number(below: 100) >= self.abandonPercent
            arrival.thinkMilliseconds =
                self.thinkMilliseconds.lowerBound + random.number(below: self.thinkMilliseconds.count)
            // Without them nothing is drawn: a crowd of honest payments stays what it was.
            if self.oddPaymentPercent > 0, random.number(below: 100) < self.oddPaymentPercent {
                arrival.habit = PaymentHabit.odd[random.number(below: PaymentHabit.odd.count)]
                if arrival.habit == .late { arrival.thinkMilliseconds += self.lateMilliseconds }
            }
            if self.shares.others > 0, !arrival.isBot { self.assignKind(to: &arrival, number, &random) }
            return arrival
        }.sorted { ($0.atMilliseconds, $0.buyer) < ($1.atMilliseconds, $1.buyer) }
    }

    /// The same seed gives the same kinds. Without other kinds nothing is drawn: a crowd of people stays what it was.
    private func assignKind(to arrival: inout Arrival, _ number: Int, _ random: inout SplitMix) {
        arrival.kind = self.shares.kind(of: random.number(below: 100))
        switch arrival.kind {
        case .person, .doubleClicker: break
        case .script, .forger, .replayer: arrival.buyer = "\(arrival.kind.rawValue)-\(self.seed)-\(number)"
        case .blocked: arrival.buyer = "blocked-\(self.seed)-\(random.number(below: Self.blockedNames))"
        }
    }

    /// Reads a trace: a line per request, `milliseconds,region,buyer,quantity`; lines that begin with `#` are comments.
    ///
    /// - Throws: ``TraceError`` with the number of the bad line.
    package static func trace(_ text: String, regions: [String]) throws(TraceError) -> [Arrival] {
        var arrivals: [Arrival] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let fields = line.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
            if fields.isEmpty || line.hasPrefix("#") { continue }
            guard fields.count == 4 else {
                throw TraceError(line: number + 1, reason: "expected milliseconds,region,buyer,quantity")
            }
            guard let at = Int(fields[0]), at >= 0 else {
                throw TraceError(
                    line: number + 1, reason: "\"\(fields[0])\" is not a number of milliseconds; expected 0 or more")
            }
            guard let unit = regions.firstIndex(of: fields[1]) else {
                throw TraceError(
                    line: number + 1,
                    reason: "there is no region \"\(fields[1])\"; known: \(regions.joined(separator: ", "))")
            }
            guard BuyerID(fields[2]) != nil else {
                throw TraceError(line: number + 1, reason: "buyer \"\(fields[2])\" must be \(BuyerID.rule)")
            }
            guard let quantity = Int(fields[3]), (1...Limits.quantityPerOrder).contains(quantity) else {
                throw TraceError(
                    line: number + 1, reason: "quantity \"\(fields[3])\" is not in 1...\(Limits.quantityPerOrder)")
            }
            arrivals.append(Arrival(atMilliseconds: at, unit: unit, buyer: fields[2], quantity: quantity))
        }
        return arrivals.sorted { ($0.atMilliseconds, $0.buyer) < ($1.atMilliseconds, $1.buyer) }
    }
}

package struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    package let reason: String
    package var description: String { "line \(self.line): \(self.reason)" }
}

/// A small random generator with a seed: the same seed makes the same crowd.
struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }
    mutating func number(below bound: Int) -> Int {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((word ^ (word >> 31)) % UInt64(max(1, bound)))
    }
}
