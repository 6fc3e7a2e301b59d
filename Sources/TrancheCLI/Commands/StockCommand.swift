import ArgumentParser
import Clusters
import Terminal
import TrancheAPI
import TrancheCore

struct StockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock", abstract: "Add stock, also while a sale runs.", subcommands: [Add.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add items to a lot's pool; the coordinator grants them to units.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The lot's number.") var lot: UInt32
        @Argument(help: "Items to add.") var items: Int
        func validate() throws { try Checks.number("the number of items", self.items, in: 1...Limits.stockPerLot) }
        func run() async throws {
            let state = try await self.common.client().call(
                "POST", "/v1/lots/\(self.lot)/stock", StockBody(add: self.items), as: QuotaState.self)
            self.common.show(state)
        }
    }
}
