import Foundation
import Testing
import TrancheCore

@Suite("What operators may do") struct OperatorRoleTests {
    /// The whole table, written a second time: a change must be made in both.
    private static let viewers: Set<ActKind> = [.read]
    private static let operators: Set<ActKind> = [
        .read, .warm, .open, .pause, .resume, .block, .revoke, .moveQuota, .hold, .addStock, .holdRollout,
    ]

    @Test("viewers read, operators do the acts of a sale's day, and admins do everything") func rolesHaveTheirActs() {
        for kind in ActKind.allCases {
            #expect(OperatorRole.viewer.may(kind) == Self.viewers.contains(kind), "\(kind)")
            #expect(OperatorRole.operator.may(kind) == Self.operators.contains(kind), "\(kind)")
            #expect(OperatorRole.admin.may(kind), "\(kind)")
            // The role that a refusal names is the lowest one that may.
            #expect(OperatorRole.allCases.first { $0.may(kind) } == kind.least, "\(kind)")
        }
    }

    @Test("every operators' address of the contract has its kind, for whatever stands in it")
    func everyAddressHasAKind() throws {
        let document = try String(contentsOfFile: "Sources/DaemonSupport/HTTP/openapi.yaml", encoding: .utf8)
        var (path, method, count) = ("", "", 0)
        for line in document.split(separator: "\n") {
            if line.hasPrefix("  /"), line.hasSuffix(":") { path = String(line.dropFirst(2).dropLast()) }
            if line.hasPrefix("    "), line.hasSuffix(":"), !line.hasPrefix("     ") {
                method = line.dropFirst(4).dropLast().uppercased()
            }
            guard line == "      tags: [operators]" else { continue }
            count += 1
            var paths = [path]
            for (name, values) in [
                ("step", SaleState.Step.allCases.map(\.rawValue)),
                ("action", ["drain", "undrain", "strand", "remove"]),
            ] where path.contains("{\(name)}") { paths = values.map { path.replacing("{\(name)}", with: $0) } }
            for path in paths {
                let address = path.replacing(/\{[a-z]+\}/, with: "x")
                let kind = ActKind(method: method, path: address)
                #expect(kind != .other, "\(method) \(address)")
                // A plan is asked for with a document, and changes nothing.
                #expect((kind == .read) == (method == "GET" || address == "/v1/plan"), "\(method) \(address): \(kind)")
            }
        }
        #expect(count > 20)
    }

    @Test("steps and actions are told apart, and what is written otherwise needs an admin")
    func spellingsOpenNothing() {
        for step in SaleState.Step.allCases {
            #expect(ActKind(method: "POST", path: "/v1/sales/s/\(step.rawValue)").rawValue == step.rawValue)
        }
        #expect(ActKind(method: "POST", path: "/v1/units/4/strand") == .strand)
        #expect(ActKind(method: "HEAD", path: "/v1/quota") == .read)
        // Everybody who acts may stop the schedule; what ends a sale is let go on by those who may end it.
        for step in SaleSchedule.Step.allCases {
            let path = "/v1/sales/s/holds/\(step.rawValue)"
            #expect(ActKind(method: "PUT", path: path) == .hold)
            #expect(
                ActKind(method: "DELETE", path: path).least
                    == ActKind(method: "POST", path: "/v1/sales/s/\(step)").least)
        }
        #expect(ActKind(method: "DELETE", path: "/v1/sales/s/holds/%6fpen") == .releaseEnd)
        for act in StagedRollout.Act.allCases {
            let isSafe = act == .hold || act == .watch
            #expect(
                ActKind(method: "POST", path: "/v1/sales/s/staged/\(act.rawValue)")
                    == (isSafe ? .holdRollout : .differRules))
        }
        for (method, path) in [
            ("POST", "/v1/sales/s/%70ause"), ("POST", "/v1/sales/s/Pause"), ("POST", "/v1/sales/s/none"),
            ("PATCH", "/v1/sales/s"), ("GET", "/v1/secrets"), ("GET", "/"), ("GET", ""), ("POST", "/v2/sales"),
            ("POST", "/v1/sales/s/pause/close"), ("POST", "/v1/units/4/drain;strand"),
        ] { #expect(ActKind(method: method, path: path) == .other, "\(method) \(path)") }
        #expect(ActKind.other.least == .admin)
    }

    @Test("a tenth of the stock at the start can be added, in all, and not each time") func tenthIsInAll() {
        #expect(ActKind(adding: 100, added: 0, stock: 1_000) == .addStock)
        #expect(ActKind(adding: 101, added: 0, stock: 1_000) == .addMuchStock)
        #expect(ActKind(adding: 40, added: 60, stock: 1_000) == .addStock)
        #expect(ActKind(adding: 41, added: 60, stock: 1_000) == .addMuchStock)
        #expect(ActKind(adding: 1, added: 0, stock: 9) == .addMuchStock)
        #expect(ActKind(adding: .max, added: 1, stock: 1_000) == .addMuchStock)
    }

    @Test("refused attempts have lines until the allowance is used up, and the next line says how many had none")
    func allowanceEnds() {
        var allowance = RefusalAllowance(burst: 2, everyMilliseconds: 1_000)
        let start = Instant(milliseconds: 5_000)
        let early = [0, 0, 0, 999, 1_000, 1_000].map { allowance.count(now: start.advanced(milliseconds: $0)) }
        #expect(early == [0, 0, nil, nil, 2, nil])
        // A long silence does not save up more than the burst, and a clock that steps back gives nothing.
        let later = start.advanced(milliseconds: 100_000)
        let late = [later, later, start, .distantFuture].map { allowance.count(now: $0) }
        #expect(late == [1, 0, nil, 1])
    }

    @Test("one operator's attempts take no line from another one, and names beyond the list share theirs")
    func allowancesAreByName() {
        var allowances = RefusalAllowances()
        let now = Instant(milliseconds: 5_000)
        func lines(_ caller: RefusalAllowances.Caller) -> Int {
            (0..<40).compactMap { _ in allowances.count(caller, now: now) }.count
        }
        #expect([.listed("ann"), .listed("ann"), .listed("bob")].map(lines) == [30, 0, 30])
        #expect([.unlisted, .unlisted, .stranger, .stranger].map(lines) == [30, 0, 10, 0])
        // Two names are known; those from here on are the rest of the table, and then none has its own.
        for number in 2..<RefusalAllowances.namesLimit { #expect(lines(.listed("n\(number)")) == 30) }
        #expect(lines(.listed("late")) == 0)
    }
}
