import Terminal
import Verification

/// The ledgers beside the shop's book and the payment provider's.
enum BookTable {
    static func print(_ books: BookComparison, _ money: MoneyComparison? = nil) {
        Output.line("\n" + Output.bold(money == nil ? "The books" : "Three books") + ", order by order:")
        let rows = books.rows.map { row in
            [row.name, Output.number(row.ledgers), Output.number(row.shop), Output.number(row.both)]
                + [row.provider.map(Output.number) ?? "-"]
        }
        let provider = money == nil ? "told to the provider" : "in the provider's book"
        let header = ["", "in the ledgers", "in the shop's book", "the same in both", provider]
        for line in Output.table(header, rows) { Output.line("  " + line) }
        if let money { self.print(money) }
        for finding in books.findings + (money?.findings ?? []) { Output.line("  " + Output.red(finding)) }
        let differences = books.differences + (money?.differences ?? 0)
        let text = differences == 0 ? "the books are equal" : "\(Output.number(differences)) differences"
        Output.line("  " + (differences == 0 ? text : Output.red(text)))
    }

    /// The amounts, with two decimals: a demo's currency has cents.
    private static func print(_ money: MoneyComparison) {
        func amount(_ minor: Int64) -> String {
            let cents = minor % 100
            return Output.number(Int(minor / 100)) + (cents < 10 ? ".0" : ".") + "\(cents)"
        }
        let rows = money.rows.map { row in
            [
                row.name, Output.number(row.ledgers), amount(row.ledgerAmount), Output.number(row.provider),
                amount(row.providerAmount),
            ]
        }
        let header = ["money", "in the ledgers", "amount", "in the provider's book", "amount"]
        for line in Output.table(header, rows) { Output.line("  " + line) }
    }
}
