import Testing
import TrancheCore

@Suite("Who may call which address") struct RouteClassTests {
    /// The whole table, written a second time: a change must be made in both.
    private static let table: [RouteClass: String] = [
        .insight: "unit center coordinator gate operator shop monitor", .unitReports: "unit", .contests: "unit",
        .coordination: "coordinator", .gateReports: "gate", .operations: "operator", .directives: "center",
        .sales: "shop",
    ]

    private func caller(_ role: ProcessName.Role, _ name: String = "a") throws -> ProcessName {
        try ProcessName(domain: "shop.example", role: role, name: name)
    }

    @Test("every role at every address", arguments: RouteClass.allCases, ProcessName.Role.allCases)
    func everyRoleAtEveryAddress(_ route: RouteClass, _ role: ProcessName.Role) throws {
        let roles = try #require(Self.table[route]).split(separator: " ")
        let caller = try self.caller(role)
        let refusal = route.judge(caller, unit: route.speaksForOneUnit ? (UnitID(1), .same) : nil)
        if roles.contains(where: { $0 == role.rawValue }) {
            #expect(refusal == nil)
        } else {
            #expect(refusal == .wrongRole(caller, needed: route.roles))
            #expect(refusal?.description.contains("\(caller)") == true)
        }
    }

    @Test("a unit speaks for itself alone", arguments: [RouteClass.unitReports, .contests])
    func unitsSpeakForThemselves(_ route: RouteClass) throws {
        let caller = try self.caller(.unit)
        #expect(route.speaksForOneUnit)
        #expect(route.judge(caller, unit: (UnitID(1), .same)) == nil)
        #expect(route.judge(caller, unit: (UnitID(9), .free)) == nil)
        #expect(
            route.judge(caller, unit: (UnitID(2), .numberTaken(by: "b"))) == .otherUnit(caller, UnitID(2), owner: "b"))
        #expect(
            route.judge(caller, unit: (UnitID(9), .nameTaken(UnitID(1))))
                == .otherNumber(caller, UnitID(9), owned: UnitID(1)))
        #expect(route.judge(caller, unit: (UnitID(1), .unknown)) == .notKnownYet(caller, UnitID(1)))
        #expect(route.judge(caller, unit: nil) == .noUnit(caller))
    }

    @Test("no other role speaks for a unit, whatever is known of its name") func othersNeverSpeakForUnits() throws {
        for role in ProcessName.Role.allCases where role != .unit {
            let caller = try self.caller(role)
            for naming in [UnitNaming.same, .free, .unknown, .numberTaken(by: "b"), .nameTaken(UnitID(1))] {
                #expect(
                    RouteClass.unitReports.judge(caller, unit: (UnitID(1), naming))
                        == .wrongRole(caller, needed: [.unit]))
            }
        }
    }

    @Test("a number has one name, and a name one number") func numbersAndNamesArePaired() {
        let units: [(id: UnitID, name: String)] = [(UnitID(1), "a"), (UnitID(2), "b")]
        #expect(UnitNaming(UnitID(1), named: "a", in: units) == .same)
        #expect(UnitNaming(UnitID(1), named: "b", in: units) == .numberTaken(by: "a"))
        #expect(UnitNaming(UnitID(2), named: "a", in: units) == .numberTaken(by: "b"))
        #expect(UnitNaming(UnitID(2), named: "c", in: units) == .numberTaken(by: "b"))
        #expect(UnitNaming(UnitID(3), named: "a", in: units) == .nameTaken(UnitID(1)))
        #expect(UnitNaming(UnitID(3), named: "c", in: units) == .free)
        #expect(UnitNaming(UnitID(3), named: "c", in: []) == .free)
    }
}
