import PostgresClient
import TrancheCore

/// The tables of the state of centers that are copied row by row. Both databases have them, with the same names and
/// columns.
enum AuthorityTable: String, CaseIterable {
    case records, snapshots, verdicts, witnesses, configs, trail, secrets, acts, proposals
    case proposalEnds = "proposal_ends"

    enum Kind { case integer, text, bytes }
    struct Column {
        let name: String
        let kind: Kind
        init(_ name: String, _ kind: Kind = .integer) { (self.name, self.kind) = (name, kind) }
    }

    /// The columns that are copied. Numbers that a database gives its rows itself are not among them.
    var columns: [Column] {
        switch self {
        case .records: [Column("position"), Column("epoch"), Column("record", .bytes)]
        case .snapshots: [Column("position"), Column("book", .bytes)]
        case .verdicts: [Column("lot"), Column("unit"), Column("piece"), Column("verdicts", .bytes)]
        case .witnesses: [Column("unit"), Column("position"), Column("digest", .text)]
        case .configs:
            [
                Column("version"), Column("checksum", .text), Column("content", .bytes), Column("at"),
                Column("actor", .text), Column("note", .text),
            ]
        case .trail:
            [Column("position"), Column("at")]
                + ["actor", "action", "sale", "detail", "before_act", "after_act", "key", "digest"].map {
                    Column($0, .text)
                }
        case .secrets: [Column("sale", .text), Column("secret", .text)]
        case .acts: [Column("key", .text), Column("what", .text)]
        case .proposals, .proposalEnds: [Column("id"), Column("content", .bytes)]
        }
    }

    /// What the rows are ordered by.
    var key: [Column] {
        switch self {
        case .records, .snapshots, .trail: [Column("position")]
        case .verdicts: [Column("lot"), Column("unit"), Column("piece")]
        case .witnesses: [Column("unit")]
        case .configs: [Column("version")]
        case .acts, .proposals, .proposalEnds: [Column("id")]
        case .secrets: self.columns
        }
    }

    var columnNames: String { self.columns.map(\.name).joined(separator: ", ") }
}

/// How many rows a table has, and a digest over all of their values in order.
struct TableSum: Hashable, Sendable {
    private(set) var rows = 0
    private(set) var digest = ChainDigest(high: 0, low: 0)

    mutating func add(_ values: some Sequence<PostgresValue>) {
        var bytes: [UInt8] = []
        func add(_ value: some Sequence<UInt8>, count: Int) {
            withUnsafeBytes(of: Int64(count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: value)
        }
        for value in values {
            switch value {
            case .null: bytes.append(0)
            case .integer(let number): withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
            case .bytes(let value): add(value, count: value.count)
            case .text(let text): add(text.utf8, count: text.utf8.count)
            }
        }
        self.digest = bytes.withUnsafeBytes { HashChain.next(after: self.digest, $0) }
        self.rows += 1
    }
}
