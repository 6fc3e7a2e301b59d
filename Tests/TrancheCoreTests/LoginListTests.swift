import Testing
import TrancheCore

@Suite("People who sign in with a provider") struct LoginListTests {
    private static let text = """
        # people
        sub 4711 ann admin

        email Bob@Shop.Example bob -
        sub 12 bob -
        email carl@shop.example carl viewer
        group ops operator
        group chiefs admin
        """

    private func person(_ subject: String, _ email: String? = nil, _ groups: [String] = []) throws -> Operator {
        try LoginList(text: Self.text).person(LoginClaims(subject: subject, email: email, groups: groups))
    }

    private func refusal(_ subject: String, _ email: String? = nil, _ groups: [String] = []) -> LoginRefusal? {
        do { _ = try self.person(subject, email, groups) } catch { return error as? LoginRefusal }
        return nil
    }

    @Test("people of the list get their name and role, and nobody else gets in") func listIsClosed() throws {
        #expect(try self.person("4711") == Operator(name: "ann", role: .admin))
        // A group of the list gives a role, and the highest one counts; it raises nobody whose role is written.
        #expect(try self.person("12", nil, ["ops"]) == Operator(name: "bob", role: .operator))
        #expect(try self.person("1", "bob@SHOP.example", ["chiefs", "ops"]) == Operator(name: "bob", role: .admin))
        #expect(try self.person("1", "carl@shop.example", ["chiefs"]) == Operator(name: "carl", role: .viewer))
        #expect(self.refusal("12", nil, ["others"]) == .noRole("bob"))
        #expect(self.refusal("13", nil, ["chiefs"]) == .unknown("13"))
        #expect(self.refusal("13", "eve@shop.example") == .unknown("eve@shop.example"))
        // A subject that looks like an address is none.
        #expect(self.refusal("carl@shop.example") == .unknown("carl@shop.example"))
        #expect(self.refusal("4711", "carl@shop.example") == .twoPeople("ann", "carl"))
    }

    @Test("a list that somebody could misread is refused, with its line") func badListsAreRefused() {
        func error(_ text: String) -> LoginListError? {
            do { _ = try LoginList(text: text) } catch { return error }
            return nil
        }
        #expect(error("sub 1 ann") == .badLine(1))
        #expect(error("\ngroup ops") == .badLine(2))
        #expect(error("sub \(String(repeating: "1", count: 257)) ann admin") == .badLine(1))
        #expect(error("name 1 ann admin") == .unknownClaim(line: 1, "name"))
        #expect(error("sub 1 ann boss") == .unknownRole(line: 1, "boss"))
        #expect(error("group ops -") == .unknownRole(line: 1, "-"))
        #expect(error("sub 1 a/b admin") == .badName(line: 1, "a/b"))
        // The name of whoever shows the secret of admins.
        #expect(error("sub 1 admin admin") == .badName(line: 1, "admin"))
        #expect(error("email A@b ann admin\nemail a@B bob admin") == .twice(line: 2, "a@B"))
        #expect(error("sub 1 ann admin\nemail a@b ann viewer") == .twoRoles(line: 2, "ann"))
        let lines = (0...LoginList.limit).map { "sub \($0) n\($0) viewer" }.joined(separator: "\n")
        #expect(error(lines) == .tooMany(LoginList.limit + 1))
        #expect(error(String(repeating: "#", count: LoginList.textBytes + 1)) == .tooLong(LoginList.textBytes + 1))
    }

    @Test("sessions end, one person's oldest one makes room, and all together are limited") func sessionsAreLimited() {
        var sessions = LoginSessions()
        let now = Instant(milliseconds: 1_000)
        let claims = LoginClaims(subject: "1", email: nil, groups: [])
        for number in 0...LoginSessions.perPerson {
            let hasRoom = sessions.begin("ann-\(number)", claims, name: "ann", now: now)
            #expect(hasRoom)
        }
        #expect(sessions.count == LoginSessions.perPerson && sessions.claims("ann-0", now: now) == nil)
        #expect(sessions.claims("ann-1", now: now) == claims && sessions.claims(named: "ann", now: now) == claims)
        sessions.end("ann-1")
        #expect(sessions.claims("ann-1", now: now) == nil && sessions.claims("ann-2", now: now) != nil)
        var (number, isRoom) = (0, true)
        while isRoom, number < 1_000 {
            isRoom = sessions.begin("n\(number)", claims, name: "n\(number)", now: now)
            number += 1
        }
        #expect(sessions.count == LoginSessions.limit && !isRoom)
        let end = now.advanced(milliseconds: LoginSessions.lifetimeMilliseconds)
        #expect(sessions.claims("ann-2", now: end.advanced(milliseconds: -1)) != nil)
        #expect(sessions.claims("ann-2", now: end) == nil && sessions.claims(named: "ann", now: end) == nil)
        let hasRoom = sessions.begin("late", claims, name: "late", now: end)
        #expect(hasRoom && sessions.count == 1)
    }
}
