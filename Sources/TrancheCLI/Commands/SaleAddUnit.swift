import ArgumentParser
import Clusters
import Terminal
import TrancheAPI

extension SaleCommand {
    struct AddUnit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add-unit", abstract: "Add a unit to a sale that is open: it takes new buyers of its region.",
            discussion: """
                The unit must be registered, in a region in which the sale has a unit. The units of that region refer a
                part of their new buyers to it; buyers with an order stay. Nothing takes it away again before the sale
                is settled.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "The unit, by name.") var unit: String
        func run() async throws {
            let client = try self.common.client()
            let id = try client.unit(self.unit)
            let document = try await client.call(
                "PUT", "/v1/sales/\(self.sale)/units/\(id)", as: SaleDocument.self)
            self.common.show(document)
        }
    }
}
