import Terminal
import Verification

/// The ledgers beside the shop's book, and what the payment provider was told.
enum BookTable {
    static func print(_ books: BookComparison) {
        Output.line("\n" + Output.bold("The books") + ", order by order:")
        let rows = books.rows.map { row in
            [row.name, Output.number(row.ledgers), Output.number(row.shop), Output.number(row.both)]
                + [row.provider.map(Output.number) ?? "-"]
        }
        let header = ["", "in the ledgers", "in the shop's book", "the same in both", "told to the provider"]
        for line in Output.table(header, rows) { Output.line("  " + line) }
        for finding in books.findings { Output.line("  " + Output.red(finding)) }
        let text = books.isEqual ? "the books are equal" : "\(Output.number(books.differences)) differences"
        Output.line("  " + (books.isEqual ? text : Output.red(text)))
    }
}
