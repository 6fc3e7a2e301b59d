/// What postings count. The two are never added to each other.
package enum PostingMeasure: String, Hashable, Sendable, CaseIterable {
    case items
    /// Payments, each as one: orders have no price.
    case payments
}

/// Where items, or payments, of a sale can be.
package enum PostingAccount: Hashable, Sendable {
    /// Where items come from: its balance is the stock that was issued, with a minus sign.
    case issued
    case pool
    /// Items that a generation of a unit may still promise.
    case quota(UnitID, Generation)
    case held(UnitID)
    case paid(UnitID)
    /// Items of an unreliable generation that nobody has settled.
    case stranded(UnitID, Generation)
    /// Items of orders that only a replaced ledger knows.
    case owed(UnitID, Generation)
    /// Items that a settlement counted as sold, and that no ledger has as orders; with a minus sign, if it counted too few.
    case settled(UnitID, Generation)
    /// Items that became the stock of another sale.
    case carried
    /// Where payments come from: its balance is all that the unit was told of, with a minus sign.
    case received(UnitID)
    /// Payments of paid orders.
    case taken(UnitID)
    /// Payments that have to be given back.
    case refundDue(UnitID)

    package var measure: PostingMeasure {
        switch self {
        case .issued, .pool, .quota, .held, .paid, .stranded, .owed, .settled, .carried: .items
        case .received, .taken, .refundDue: .payments
        }
    }

    private var parts: (rank: Int, name: String, unit: UnitID?, generation: Generation?) {
        switch self {
        case .issued: (0, "issued", nil, nil)
        case .pool: (1, "pool", nil, nil)
        case .quota(let unit, let generation): (2, "quota", unit, generation)
        case .held(let unit): (3, "held", unit, nil)
        case .paid(let unit): (4, "paid", unit, nil)
        case .stranded(let unit, let generation): (5, "stranded", unit, generation)
        case .owed(let unit, let generation): (6, "owed", unit, generation)
        case .settled(let unit, let generation): (7, "settled", unit, generation)
        case .carried: (8, "carried", nil, nil)
        case .received(let unit): (9, "received", unit, nil)
        case .taken(let unit): (10, "taken", unit, nil)
        case .refundDue(let unit): (11, "refund_due", unit, nil)
        }
    }

    /// The unit whose account it is.
    package var unit: UnitID? { self.parts.unit }
}

extension PostingAccount: Comparable {
    package static func < (left: PostingAccount, right: PostingAccount) -> Bool {
        let (left, right) = (left.parts, right.parts)
        return (left.rank, left.unit?.rawValue ?? 0, left.generation?.rawValue ?? 0)
            < (right.rank, right.unit?.rawValue ?? 0, right.generation?.rawValue ?? 0)
    }
}

extension PostingAccount: CustomStringConvertible {
    /// The name, and behind colons the numbers of the unit and of the generation.
    package var description: String {
        let parts = self.parts
        guard let unit = parts.unit else { return parts.name }
        guard let generation = parts.generation else { return "\(parts.name):\(unit)" }
        return "\(parts.name):\(unit):\(generation.rawValue)"
    }

    /// - Returns: `nil` for a text that is no account's ``description``.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let unit = parts.count > 1 ? UInt16(parts[1]).map { UnitID($0) } : nil
        let generation = parts.count > 2 ? UInt32(parts[2]).map { Generation($0) } : nil
        let account: PostingAccount? =
            switch (parts[0], unit, generation) {
            case ("issued", nil, nil): .issued
            case ("pool", nil, nil): .pool
            case ("quota", let unit?, let generation?): .quota(unit, generation)
            case ("held", let unit?, nil): .held(unit)
            case ("paid", let unit?, nil): .paid(unit)
            case ("stranded", let unit?, let generation?): .stranded(unit, generation)
            case ("owed", let unit?, let generation?): .owed(unit, generation)
            case ("settled", let unit?, let generation?): .settled(unit, generation)
            case ("carried", nil, nil): .carried
            case ("received", let unit?, nil): .received(unit)
            case ("taken", let unit?, nil): .taken(unit)
            case ("refund_due", let unit?, nil): .refundDue(unit)
            default: nil
            }
        // One account has one text: not "held:01", and not "held:1:x".
        guard let account, account.description == text else { return nil }
        self = account
    }
}
