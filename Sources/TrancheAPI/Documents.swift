package import TrancheCore

/// An order as its buyer sees it.
package struct OrderDocument: Hashable, Sendable, Codable {
    package let order: OrderID
    package let lot: LotID
    package let quantity: Int
    /// `contested` and `waitlisted` orders wait for the contest; `reserved` ones for their payment.
    package let state: String
    package let stamp: Stamp
    /// When an unpaid reservation ends, in microseconds since 1970.
    package let deadlineMicroseconds: Instant?
    /// Of a waitlisted order: items that go to others first, and items that may still come back.
    package let ahead: Int?
    package let mayReturn: Int?

    package init(_ order: Order, _ standing: WaitlistPosition? = nil) {
        self.order = order.id
        self.lot = order.lot
        self.quantity = Int(order.quantity)
        let isWaitlisted = order.state == .contested && standing != nil
        self.state = isWaitlisted ? "waitlisted" : order.state.name
        self.stamp = order.stamp
        self.deadlineMicroseconds = order.deadline == .distantFuture ? nil : order.deadline
        self.ahead = isWaitlisted ? standing?.ahead : nil
        self.mayReturn = isWaitlisted ? standing?.mayReturn : nil
    }

    package static func json(_ order: Order, _ standing: WaitlistPosition? = nil) -> String {
        var bytes: [UInt8] = []
        self.write(order, standing, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same bytes as the encoder makes, without the encoder: this is the hot path's answer.
    package static func write(_ order: Order, _ standing: WaitlistPosition? = nil, into bytes: inout [UInt8]) {
        if order.deadline == .distantFuture {
            bytes += JSON.encode(OrderDocument(order, standing))
            return
        }
        bytes.write("{\"deadlineMicroseconds\":")
        bytes.write(decimal: order.deadline.microseconds)
        bytes.write(",\"lot\":")
        bytes.write(decimal: order.lot.rawValue)
        bytes.write(",\"order\":\"")
        bytes.write(order.id)
        bytes.write("\",\"quantity\":")
        bytes.write(decimal: order.quantity)
        bytes.write(",\"stamp\":\"")
        bytes.write(decimal: order.stamp.rawValue)
        bytes.write("\",\"state\":\"")
        bytes += order.state.name.utf8
        bytes.write("\"}")
    }
}

/// The optional body of a buy request.
package struct BuyBody: Hashable, Sendable, Codable {
    package let quantity: Int?
    package init(quantity: Int?) { self.quantity = quantity }
}

/// What a payment provider calls back with.
package struct PaymentBody: Hashable, Sendable, Codable {
    package let order: OrderID
    package let payment: PaymentID
    package init(order: OrderID, payment: PaymentID) { (self.order, self.payment) = (order, payment) }
}

/// What the internal endpoint mints a token from.
package struct MintBody: Hashable, Sendable, Codable {
    package let lot: LotID
    package let buyer: BuyerID
    package let notBeforeMilliseconds: Int64?
    package let lifetimeSeconds: Int?
    /// Refused: a caller that named two regions for one buyer would get two homes.
    package let region: String?
    package init(
        lot: LotID, buyer: BuyerID, notBeforeMilliseconds: Int64? = nil, lifetimeSeconds: Int? = nil,
        region: String? = nil
    ) {
        self.region = region
        self.lot = lot
        self.buyer = buyer
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.lifetimeSeconds = lifetimeSeconds
    }
}

package struct MintedToken: Hashable, Sendable, Codable {
    package let token: String
    package let order: OrderID
    package let home: UnitID
    package init(token: String, order: OrderID, home: UnitID) {
        self.token = token
        self.order = order
        self.home = home
    }
}

/// A coordinator's view of the quota, and its commands.
package struct QuotaState: Sendable, Codable {
    package struct Lot: Sendable, Codable {
        package let lot: LotID
        package let issued: Int
        package let pool: Int
        package let stranded: Int
        package let isFrozen: Bool
        package let samples: [Rebalancer.Sample]
        package let units: [Unit]
        /// When the lot is to be contested, and by what rules.
        package let contestStart: ContestStart
        package let contestTerms: ContestTerms
        /// Of a contended lot: what a coordinator needs to know at each look.
        package let contest: ContestMerge.Stock?
        /// Of a contended lot: requests that wait for stock that comes back.
        package let waitlisted: Int?
        package init(
            lot: LotID, issued: Int, pool: Int, stranded: Int, isFrozen: Bool, samples: [Rebalancer.Sample],
            units: [Unit], contestStart: ContestStart, contestTerms: ContestTerms, contest: ContestMerge.Stock?,
            waitlisted: Int?
        ) {
            self.contestStart = contestStart
            self.contestTerms = contestTerms
            self.contest = contest
            self.waitlisted = waitlisted
            self.lot = lot
            self.issued = issued
            self.pool = pool
            self.stranded = stranded
            self.isFrozen = isFrozen
            self.samples = samples
            self.units = units
        }
    }
    /// One account of one lot, as the authority's log and the unit's last report have it.
    package struct Unit: Sendable, Codable {
        package let unit: UnitID
        package let generation: Generation
        package let standing: String
        package let granted: Int
        /// Given to orders of this unit by contests.
        package let allocated: Int
        package let returned: Int
        package let available: Int
        package let live: Int
        package let paid: Int
        package let offered: Int
        package let starved: Int
        package let silentMilliseconds: Int64?
        package var isActive: Bool { self.standing == Self.active }
        /// Waits for an operator's word.
        package var isStranded: Bool { self.standing.hasPrefix(Self.stranded) }
        package var outstanding: Int { self.granted + self.allocated - self.returned }
        package static let active = "active"
        /// What the standing of a stranded account begins with; the reason follows.
        package static let stranded = "stranded: "

        package init(
            unit: UnitID, generation: Generation, standing: String, granted: Int, allocated: Int, returned: Int,
            available: Int, live: Int, paid: Int, offered: Int, starved: Int, silentMilliseconds: Int64?
        ) {
            self.unit = unit
            self.generation = generation
            self.standing = standing
            self.granted = granted
            self.allocated = allocated
            self.returned = returned
            self.available = available
            self.live = live
            self.paid = paid
            self.offered = offered
            self.starved = starved
            self.silentMilliseconds = silentMilliseconds
        }
    }
    package let epoch: Epoch
    package let coordinatorEpoch: Epoch
    /// Where the leading coordinator is, if the center has heard of it.
    package let coordinatorURL: String?
    package let nowMicroseconds: Instant
    package let lots: [Lot]
    package init(epoch: Epoch, coordinatorEpoch: Epoch, coordinatorURL: String?, now: Instant, lots: [Lot]) {
        self.coordinatorURL = coordinatorURL
        self.epoch = epoch
        self.coordinatorEpoch = coordinatorEpoch
        self.nowMicroseconds = now
        self.lots = lots
    }
}

package struct QuotaCommands: Sendable, Codable {
    package let epoch: Epoch
    package let decisions: [Rebalancer.Decision]
    package init(epoch: Epoch, decisions: [Rebalancer.Decision]) { (self.epoch, self.decisions) = (epoch, decisions) }
}

package struct Leadership: Sendable, Codable {
    package let epoch: Epoch
    package init(epoch: Epoch) { self.epoch = epoch }
}

/// A coordinator asks for the lead, and says where units can reach it.
package struct LeadBody: Sendable, Codable {
    package let url: String
    package init(url: String) { self.url = url }
}

package struct MoveBody: Sendable, Codable {
    package let lot: LotID
    package let from: UnitID
    package let to: UnitID
    package let quantity: Int
    package init(lot: LotID, from: UnitID, to: UnitID, quantity: Int) {
        self.lot = lot
        self.from = from
        self.to = to
        self.quantity = quantity
    }
}

package struct SettleBody: Sendable, Codable {
    package let lot: LotID
    package let unit: UnitID
    package let generation: Generation
    package let sold: Int
    package init(lot: LotID, unit: UnitID, generation: Generation, sold: Int) {
        self.lot = lot
        self.unit = unit
        self.generation = generation
        self.sold = sold
    }
}

package struct StockBody: Sendable, Codable {
    package let add: Int
    package init(add: Int) { self.add = add }
}

package struct FreezeBody: Sendable, Codable {
    package let frozen: Bool
    package init(frozen: Bool) { self.frozen = frozen }
}
