/// The internal addresses by who may call them. This table is all that a certificate opens.
package enum RouteClass: Hashable, Sendable, CaseIterable {
    /// Health, figures and the contract, on every internal listener.
    case insight
    /// The center's addresses of one unit: registration, reports, configuration.
    case unitReports
    /// The center's addresses of coordinators: the lead, contests, commands.
    case coordination
    /// The center's addresses of gates.
    case gateReports
    /// The center's addresses of operators.
    case operations
    /// A unit's addresses of the center: configuration and quota.
    case directives
    /// A unit's addresses of the shop: tokens and refunds.
    case sales
    /// A coordinator's addresses of one unit: its part of contests.
    case contests

    /// The roles that may call these addresses.
    package var roles: Set<ProcessName.Role> {
        switch self {
        case .insight: Set(ProcessName.Role.allCases)
        case .unitReports, .contests: [.unit]
        case .coordination: [.coordinator]
        case .gateReports: [.gate]
        case .operations: [.operator]
        case .directives: [.center]
        case .sales: [.shop]
        }
    }

    /// Whether a call speaks for the one unit that the address names.
    package var speaksForOneUnit: Bool { self == .unitReports || self == .contests }

    /// - Parameter unit: For an address that names a unit: its number, and what is known about that number and the
    ///   caller's name.
    package func judge(_ caller: ProcessName, unit: (id: UnitID, naming: UnitNaming)?) -> RouteRefusal? {
        guard self.roles.contains(caller.role) else { return .wrongRole(caller, needed: self.roles) }
        guard self.speaksForOneUnit else { return nil }
        guard let unit else { return .noUnit(caller) }
        switch unit.naming {
        case .same, .free: return nil
        case .numberTaken(let owner): return .otherUnit(caller, unit.id, owner: owner)
        case .nameTaken(let owned): return .otherNumber(caller, unit.id, owned: owned)
        case .unknown: return .notKnownYet(caller, unit.id)
        }
    }
}

/// What is known about a unit's number and the name in a certificate. A name has one number, and a number one name.
package enum UnitNaming: Hashable, Sendable {
    /// The number has this name.
    case same
    /// Neither the number nor the name is in use: a unit that registers for the first time.
    case free
    case numberTaken(by: String)
    case nameTaken(UnitID)
    /// This process does not know the number, and is not the one that gives it out.
    case unknown

    package init(_ unit: UnitID, named name: String, in units: some Sequence<(id: UnitID, name: String)>) {
        var owned: UnitID?
        for known in units {
            if known.id == unit {
                self = known.name == name ? .same : .numberTaken(by: known.name)
                return
            }
            if known.name == name { owned = known.id }
        }
        self = owned.map { .nameTaken($0) } ?? .free
    }
}

/// Why a caller with a valid certificate may not call an address.
package enum RouteRefusal: Hashable, Sendable, CustomStringConvertible {
    case wrongRole(ProcessName, needed: Set<ProcessName.Role>)
    case otherUnit(ProcessName, UnitID, owner: String)
    case otherNumber(ProcessName, UnitID, owned: UnitID)
    case noUnit(ProcessName)
    case notKnownYet(ProcessName, UnitID)

    package var description: String {
        switch self {
        case .wrongRole(let caller, let needed):
            "this address is for the role \(needed.map(\.rawValue).sorted().joined(separator: ", ")), not for \(caller)"
        case .otherUnit(let caller, let unit, let owner): "unit \(unit) is \"\(owner)\", not \(caller)"
        case .otherNumber(let caller, let unit, let owned): "\(caller) is unit \(owned), not unit \(unit)"
        case .noUnit(let caller): "the address names no unit, and \(caller) may speak for one only"
        case .notKnownYet(let caller, let unit): "whether unit \(unit) is \(caller) is not known here yet"
        }
    }
}
