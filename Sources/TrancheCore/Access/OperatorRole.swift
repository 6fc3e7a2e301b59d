/// What an operator may do. Each role may do everything that the ones before it may.
package enum OperatorRole: String, Hashable, Sendable, CaseIterable, Codable {
    /// Looks, and changes nothing.
    case viewer
    /// Does the acts of a sale's day.
    case `operator`
    case admin

    /// Whether an act is open to the role. This table is all that a role opens.
    package func may(_ kind: ActKind) -> Bool { self.rank >= kind.least.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

/// What operators do, as far as roles tell it apart.
package enum ActKind: String, Hashable, Sendable, CaseIterable, Codable {
    case read
    case warm, open, pause, resume, block, revoke, moveQuota
    /// A step of a sale's schedule is held, or a held one that an operator may take is released.
    case hold
    /// A held step that only admins take, closing or settling, is released: the schedule takes it then.
    case releaseEnd
    /// A sale is opened although something is missing.
    case forceOpen
    /// Stock of a lot, as long as all that was added is at most a tenth of what the sale began with.
    case addStock
    /// More than that.
    case addMuchStock
    case close, settle, createSale, editSale, deleteSale, rollBack
    /// Rules that differ by region or unit, and the stages of a rollout.
    case differRules
    /// A staged rollout is held, or its stage is watched once more.
    case holdRollout
    case secondRound
    case freeze, settleQuota, addUnit, drain, undrain, strand, removeUnit
    /// The act of a proposal is carried out, or a proposal is taken back. The act's own kind counts, too.
    case approve, withdraw
    /// What the table of addresses does not have.
    case other

    /// The role that an act needs.
    package var least: OperatorRole {
        switch self {
        case .read: .viewer
        case .warm, .open, .pause, .resume, .block, .revoke, .moveQuota, .hold, .addStock, .holdRollout: .operator
        case .addMuchStock, .forceOpen, .releaseEnd, .close, .settle, .createSale, .editSale, .deleteSale, .rollBack,
            .differRules:
            .admin
        case .secondRound, .freeze, .settleQuota, .addUnit, .drain, .undrain, .strand, .removeUnit: .admin
        case .approve, .withdraw, .other: .admin
        }
    }

    /// - Parameters:
    ///   - add: Items that are to be added to a lot.
    ///   - added: Items that were added to it before.
    ///   - stock: Items that it had at the start of its sale.
    package init(adding add: Int, added: Int, stock: Int) {
        // Repeated small additions count together: a tenth cannot be taken ten times.
        let (total, over) = added.addingReportingOverflow(add)
        self = !over && total <= stock / 10 ? .addStock : .addMuchStock
    }
}

extension ActKind {
    /// The kind of an act by its address.
    ///
    /// An address is compared as it was sent, so an escaped spelling of a step is no known address. What is unknown needs
    /// the highest role: an address that was forgotten here is closed, and not open.
    package init(method: String, path: String) {
        let asked = path.split(separator: "/")
        let method = method == "HEAD" ? "GET" : method
        self =
            Self.addresses.first { address in
                address.method == method && address.parts.count == asked.count
                    && zip(address.parts, asked).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
            }?.kind ?? .other
    }

    private struct Address: Sendable {
        let method: String
        let parts: [Substring]
        let kind: ActKind

        init(_ method: String, _ path: String, _ kind: ActKind) {
            (self.method, self.parts, self.kind) = (method, path.split(separator: "/"), kind)
        }
    }

    /// For an addition of stock the amount decides, too: ``init(adding:added:stock:)``. An opening may be
    /// ``forceOpen``.
    private static let addresses: [Address] =
        [
            "/v1/operator", "/v1/sales", "/v1/sales/:sale", "/v1/quota", "/v1/quota/moves/:move", "/v1/units",
            "/v1/config", "/v1/sales/:sale/second-rounds/:next", "/v1/sales/:sale/rules", "/v1/config/rollout",
            "/v1/config/versions", "/v1/audit", "/v1/audit/chain", "/v1/console/events", "/v1/proposals",
            "/v1/proposals/:proposal",
        ].map { Address("GET", $0, .read) } + [
            // It only computes.
            Address("POST", "/v1/plan", .read),
            Address("POST", "/v1/sales", .createSale), Address("PUT", "/v1/sales/:sale", .editSale),
            Address("DELETE", "/v1/sales/:sale", .deleteSale),
            Address("PUT", "/v1/sales/:sale/blocked/:buyer", .block),
            Address("DELETE", "/v1/sales/:sale/blocked/:buyer", .block),
            Address("POST", "/v1/sales/:sale/revocations", .revoke),
            Address("PUT", "/v1/sales/:sale/units/:unit", .addUnit),
            Address("PUT", "/v1/sales/:sale/holds/:step", .hold),
            // Also a step that is spelled otherwise needs what the end of a sale needs.
            Address("DELETE", "/v1/sales/:sale/holds/warm", .hold),
            Address("DELETE", "/v1/sales/:sale/holds/open", .hold),
            Address("DELETE", "/v1/sales/:sale/holds/:step", .releaseEnd),
            Address("PUT", "/v1/sales/:sale/second-rounds/:next", .secondRound),
            Address("PUT", "/v1/sales/:sale/variants", .differRules),
            Address("PUT", "/v1/sales/:sale/staged", .differRules),
            Address("POST", "/v1/sales/:sale/staged/hold", .holdRollout),
            Address("POST", "/v1/sales/:sale/staged/watch", .holdRollout),
            Address("POST", "/v1/sales/:sale/staged/:act", .differRules),
            Address("POST", "/v1/sales/:sale/warm", .warm), Address("POST", "/v1/sales/:sale/open", .open),
            Address("POST", "/v1/sales/:sale/pause", .pause), Address("POST", "/v1/sales/:sale/resume", .resume),
            Address("POST", "/v1/sales/:sale/close", .close), Address("POST", "/v1/sales/:sale/settle", .settle),
            Address("POST", "/v1/lots/:lot/stock", .addStock), Address("POST", "/v1/lots/:lot/freeze", .freeze),
            Address("POST", "/v1/quota/moves", .moveQuota), Address("POST", "/v1/quota/settle", .settleQuota),
            Address("POST", "/v1/units/:unit/drain", .drain), Address("POST", "/v1/units/:unit/undrain", .undrain),
            Address("POST", "/v1/units/:unit/strand", .strand), Address("POST", "/v1/units/:unit/remove", .removeUnit),
            Address("POST", "/v1/config/rollback", .rollBack),
            Address("POST", "/v1/proposals/:proposal/approve", .approve),
            Address("POST", "/v1/proposals/:proposal/withdraw", .withdraw),
        ]
}

/// Somebody who has proved who they are.
package struct Operator: Hashable, Sendable {
    package let name: String
    package let role: OperatorRole

    package init(name: String, role: OperatorRole) { (self.name, self.role) = (name, role) }

    /// Whoever shows the secret that all admins have from the start.
    package static let admin = Operator(name: OperatorList.reserved, role: .admin)
}
