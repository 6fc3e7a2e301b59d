import ArgumentParser
import Clusters
import Terminal
import TrancheAPI

extension SaleCommand {
    struct RevokeTokens: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke-tokens", abstract: "Refuse all tokens of a sale that were made so far, at once.",
            discussion: """
                For tokens that got into wrong hands. Buyers get a new token at the gates, for the same order. Orders that \
                exist stay, and can be paid. To stop one buyer: block.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        func run() async throws {
            let client = try self.common.client()
            let document = try await client.edit(self.sale) { seen in
                try await client.call(
                    "POST", "/v1/sales/\(self.sale)/revocations", version: seen.version, as: SaleDocument.self)
            }
            self.common.show(document)
        }
    }
}
