import Simulation
import TrancheAPI
import TrancheCore

/// How the buyers of a storm pay: one payment, or what goes wrong with payments.
enum PaymentCase: String, CaseIterable, Codable {
    /// The price, in time.
    case exact
    /// The price, two times.
    case twice
    /// The price in two parts.
    case parts
    /// More than the price.
    case over
    /// Less than the price.
    case short
    /// The price in another currency.
    case foreign
    /// The price, after the reservation has ended.
    case late
    /// The price of an order that nobody has.
    case unknown

    /// Of 100 orders.
    static let percents: [(PaymentCase, Int)] = [
        (.twice, 6), (.parts, 8), (.over, 6), (.short, 4), (.foreign, 2), (.late, 10), (.unknown, 2),
    ]
}

/// The payments of a storm, drawn from a seed.
struct PaymentCases {
    struct Wish {
        let body: ChargeBody
        let key: String
        let kind: PaymentCase
    }
    private(set) var wishes: [Wish] = []
    private var random: SeededRandom
    private let price: Money
    static let foreign = "USD"

    /// - Parameters:
    ///   - orders: Each gets one case, until there are enough payments.
    ///   - events: Payments, about.
    init(orders: [OrderID], events: Int, price: Money, seed: UInt64) {
        (self.random, self.price) = (SeededRandom(seed: seed), price)
        for order in orders where self.wishes.count < events { self.add(order, self.draw()) }
    }

    private mutating func draw() -> PaymentCase {
        var pick = self.random.number(0...99)
        for (kind, percent) in PaymentCase.percents {
            if pick < percent { return kind }
            pick -= percent
        }
        return .exact
    }

    private mutating func add(_ order: OrderID, _ kind: PaymentCase) {
        let price = self.price.minor
        switch kind {
        case .exact, .late: self.add(order, kind, [price])
        case .twice: self.add(order, kind, [price, price])
        case .parts:
            let first = 1 + Int64(self.random.number(0...(Int(price) - 2)))
            self.add(order, kind, [first, price - first])
        case .over: self.add(order, kind, [price + 1 + Int64(self.random.number(0...499))])
        case .short: self.add(order, kind, [1 + Int64(self.random.number(0...(Int(price) - 2)))])
        case .foreign: self.add(order, kind, [price], currency: Self.foreign)
        case .unknown:
            self.add(OrderID(high: ~order.high, low: order.low), kind, [price])
        }
    }

    private mutating func add(_ order: OrderID, _ kind: PaymentCase, _ amounts: [Int64], currency: String? = nil) {
        for (index, amount) in amounts.enumerated() {
            self.wishes.append(
                Wish(
                    // The storm calls back by itself, in an order of its own.
                    body: ChargeBody(
                        order: order, amount: amount, currency: currency ?? self.price.currency.code),
                    key: "storm:\(order):\(index)", kind: kind))
        }
    }
}

/// One callback of a storm.
struct Delivery: Sendable {
    let order: OrderID
    let payment: PaymentID
    let amount: Money
    /// Signed by somebody who does not have the secret, and with another amount.
    let isForged: Bool

    /// Each payment three times, forged ones between them, all in a drawn order.
    static func shuffled(_ charges: [ChargeDocument], forgedPercent: Int, seed: UInt64) -> [Delivery] {
        var random = SeededRandom(seed: seed)
        var all: [Delivery] = []
        all.reserveCapacity(charges.count * 3 + charges.count * forgedPercent / 100)
        for charge in charges {
            guard let amount = charge.money else { continue }
            let one = Delivery(order: charge.order, payment: charge.payment, amount: amount, isForged: false)
            all += [one, one, one]
            guard random.number(0...99) < forgedPercent else { continue }
            all.append(
                Delivery(
                    order: charge.order, payment: PaymentID("forged-\(random.number(0...999_999_999))")!,
                    amount: amount.with(minor: amount.minor + 1), isForged: true))
        }
        // Fisher and Yates.
        for index in all.indices.reversed() where index > 0 {
            all.swapAt(index, random.number(0...index))
        }
        return all
    }
}
