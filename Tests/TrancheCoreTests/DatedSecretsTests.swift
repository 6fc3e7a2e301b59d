import Testing
import TrancheCore

@Suite("Secrets with times") struct DatedSecretsTests {
    private static let old = String(repeating: "o", count: 32)
    private static let new = String(repeating: "n", count: 32)
    private static let newest = String(repeating: "x", count: 32)

    private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1_000) }

    @Test("a list without times: all are accepted, and the first one is shown") func listWithoutTimes() throws {
        for text in ["\(Self.new),\(Self.old)", " \(Self.new) , \(Self.old)\n", "\n\(Self.new)\r\n\(Self.old)\r\n"] {
            #expect(try DatedSecrets(text: text).valid(at: self.at(5)) == [Self.new, Self.old], "\(text)")
        }
        #expect(try DatedSecrets(text: Self.old).valid(at: self.at(5)) == [Self.old])
    }

    @Test("a new secret is accepted at once, shown from its time, and the old one ends at its own")
    func newSecretTakesOver() throws {
        let list = try DatedSecrets(text: "\(Self.new) from=100\n\(Self.old) until=200\n")
        #expect(list.valid(at: self.at(99)) == [Self.old, Self.new], "accepted before anybody shows it")
        #expect(list.valid(at: self.at(100)) == [Self.new, Self.old])
        #expect(list.valid(at: Instant(milliseconds: 199_999)) == [Self.new, Self.old])
        #expect(list.valid(at: self.at(200)) == [Self.new])
    }

    @Test("there is always a secret to show, also if none has begun") func somethingIsAlwaysShown() throws {
        let list = try DatedSecrets(text: "\(Self.newest) from=300\n\(Self.new) from=100\n\(Self.old) until=50\n")
        #expect(list.valid(at: self.at(49)) == [Self.old, Self.newest, Self.new])
        #expect(list.valid(at: self.at(60)) == [Self.new, Self.newest], "the older of two that have not begun")
        #expect(list.valid(at: self.at(150)) == [Self.new, Self.newest])
        #expect(list.valid(at: self.at(300)) == [Self.newest, Self.new])
    }

    @Test("times stand behind a secret in any order, and are no part of it") func timesAreRead() throws {
        let list = try DatedSecrets(text: "\(Self.new)  until=20 from=10 , \(Self.old) with blanks", shortestBytes: 32)
        #expect(list.secrets[0] == .init(Self.new, shownFrom: 10, acceptedUntil: 20))
        #expect(list.secrets[1] == .init("\(Self.old) with blanks"))
        #expect(try DatedSecrets(text: list.text) == list)
    }

    @Test("a list that no process could use is refused, without a secret in the message") func badListsAreRefused() {
        let bad: [(String, SecretsError)] = [
            ("\(Self.new),short", .tooShort(place: 2, bytes: 5, least: 32)),
            ("\(Self.new),", .tooShort(place: 2, bytes: 0, least: 32)),
            (Array(repeating: Self.new, count: 9).joined(separator: ","), .tooMany(9)),
            ("\(Self.new) until=9", .allEnd(1)), ("", .empty), (" \n", .empty),
            ("\(Self.new) from=soon", .badTime(place: 1, "from")),
            ("\(Self.new) until=-1", .badTime(place: 1, "until")),
            ("\(Self.new) until=1700000000000", .badTime(place: 1, "until")),
            ("\(Self.old),\(Self.new) from=1 from=2", .badTime(place: 2, "from")),
            ("\(Self.new) from=20 until=20,\(Self.old)", .endsBeforeItBegins(place: 1)),
            (String(repeating: "a", count: DatedSecrets.textBytes + 1), .tooLong(DatedSecrets.textBytes + 1)),
        ]
        for (text, error) in bad {
            #expect(throws: error, "\(text.prefix(80))") { try DatedSecrets(text: text) }
            #expect(!error.description.contains(Self.new))
        }
    }

    @Test("a replacement ends those that count, keeps earlier ends, and drops those that have ended")
    func replacementEndsOthers() throws {
        let list = try DatedSecrets(
            text:
                "\(Self.old)\n\(String(repeating: "e", count: 32)) until=40\n\(String(repeating: "g", count: 32)) until=20\n"
        )
        let next = try list.replaced(by: Self.new, shownFrom: 30, othersUntil: 60, now: self.at(20))
        #expect(
            next.secrets == [
                .init(Self.new, shownFrom: 30), .init(Self.old, acceptedUntil: 60),
                .init(String(repeating: "e", count: 32), acceptedUntil: 40),
            ])
        #expect(next.valid(at: self.at(20)).first == Self.old)
        #expect(throws: SecretsError.tooShort(place: 1, bytes: 5, least: 32)) {
            try list.replaced(by: "short", shownFrom: 30, othersUntil: 60, now: self.at(20))
        }
    }

    @Test("a replacement that is under way does not stand in the way of one at once")
    func replacementIsReplaced() throws {
        let pending = try DatedSecrets(text: Self.old)
            .replaced(by: Self.new, shownFrom: 90_000, othersUntil: 90_300, now: self.at(10))
        let next = try pending.replaced(by: Self.newest, shownFrom: 20, othersUntil: 21, now: self.at(20))
        #expect(next.secrets == [.init(Self.newest, shownFrom: 20), .init(Self.old, acceptedUntil: 21)])
        let later = try pending.replaced(by: Self.newest, shownFrom: 90_000, othersUntil: 90_001, now: self.at(20))
        #expect(later.secrets[1] == .init(Self.new, shownFrom: 90_000, acceptedUntil: 90_001), "shown for a second")
        #expect(try !DatedSecrets(text: Self.old).hasTimes && pending.hasTimes)
    }
}
