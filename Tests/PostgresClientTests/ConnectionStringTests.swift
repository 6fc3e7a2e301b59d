import PostgresClient
import Testing

@Suite struct ConnectionStringTests {
    @Test(arguments: [
        ("", 0), (" ", 0), ("ANY 1 (a, b)", 1), ("any 2 (a, b, c)", 2), ("FIRST 3 (a, b, c)", 3), ("2 (a, b)", 2),
        ("a, b", 1), ("*", 1), ("ANY 1 (*)", 1), ("ANY 0 (a)", 0),
    ])
    func standbysThatConfirmAreCounted(_ text: String, _ confirmations: Int) {
        #expect(SynchronousStandbys(text).confirmations == confirmations)
    }

    @Test func aTargetIsNamedWithoutItsPassword() throws {
        let target = try PostgresTarget("host=a,b port=5432,5433 dbname=tranche user=unit password=hidden")
        #expect("\(target)" == "a:5432,b:5433/tranche")
        #expect(target.hasPassword)
        #expect(try !PostgresTarget("postgresql://unit@a/tranche").hasPassword)
    }

    @Test func anUnreadableStringIsNotRepeated() throws {
        let error = try #require(throws: PostgresError.self) { try PostgresTarget("host=a password=very hidden") }
        #expect(!"\(error)".contains("hidden"))
    }

    @Test func pathsAreNoConnectionStrings() {
        #expect(!PostgresTarget.isOne("/var/lib/unit=1/ledger.sqlite"))
        #expect(!PostgresTarget.isOne("units/a=b/ledger.sqlite"))
        #expect(!PostgresTarget.isOne("units/east/ledger.sqlite"))
        #expect(PostgresTarget.isOne("host=a dbname=tranche"))
        #expect(PostgresTarget.isOne("postgres://a/tranche"))
    }
}
