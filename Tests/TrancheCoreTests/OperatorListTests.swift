import Testing
import TrancheCore

@Suite("The list of operators") struct OperatorListTests {
    private static let digest = String(repeating: "0a", count: 32)
    private static let other = String(repeating: "b1", count: 32)

    @Test("what is written is what is read") func listComesBack() throws {
        let list = try OperatorList([
            .init(name: "ann", role: .operator, digest: Self.digest), .init(name: "bob.b", role: .viewer, digest: nil),
        ])
        #expect(list.text == "ann operator \(Self.digest)\nbob.b viewer -\n")
        #expect(try OperatorList(text: list.text) == list)
        #expect(try OperatorList(text: "# names\n\n  ann   operator\t\(Self.digest)\r\nbob.b viewer -") == list)
        #expect(try OperatorList(text: "").entries.isEmpty)
        #expect(list.entry(digest: Self.digest)?.caller == Operator(name: "ann", role: .operator))
        #expect(list.entry(digest: Self.other) == nil && list.entry(digest: "-") == nil)
    }

    @Test("a list that could be misread is refused, and the reason has no digest in it") func badListsAreRefused() {
        let many = (0...OperatorList.limit).map { "n\($0) viewer -\n" }.joined()
        let cases: [(text: String, error: OperatorListError)] = [
            ("ann operator", .badLine(1)), ("\nann operator - now", .badLine(2)),
            ("ann boss -", .unknownRole(line: 1, "boss")), ("a/b viewer -", .badName("a/b")),
            ("admin viewer -", .reservedName), ("ann viewer 00", .badDigest("ann")),
            ("ann viewer \(Self.digest.uppercased())", .badDigest("ann")),
            ("ann viewer -\nann admin -", .twice("ann")),
            ("ann viewer \(Self.digest)\nbob admin \(Self.digest)", .sameCredential("ann", "bob")),
            (many, .tooMany(OperatorList.limit + 1)),
            (String(repeating: "#", count: OperatorList.textBytes + 1), .tooLong(OperatorList.textBytes + 1)),
        ]
        for (text, error) in cases {
            #expect(throws: error) { try OperatorList(text: text) }
            #expect(!"\(error)".contains(Self.digest))
        }
    }

    @Test("operators are added once, replaced and removed by name") func listChanges() throws {
        let ann = OperatorList.Entry(name: "ann", role: .viewer, digest: Self.digest)
        let list = try OperatorList().adding(ann)
        #expect(throws: OperatorListError.twice("ann")) { try list.adding(ann) }
        let raised = try list.replacing(.init(name: "ann", role: .admin, digest: Self.other))
        #expect(raised.entries == [.init(name: "ann", role: .admin, digest: Self.other)])
        #expect(throws: OperatorListError.unknown("bob")) { try list.removing("bob") }
        #expect(throws: OperatorListError.unknown("bob")) {
            try list.replacing(.init(name: "bob", role: .admin, digest: nil))
        }
        #expect(try list.removing("ann").entries.isEmpty)
    }
}
