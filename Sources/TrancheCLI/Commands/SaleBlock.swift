import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

extension SaleCommand {
    struct Block: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop a buyer at once: gates and units refuse, also tokens in hand.",
            discussion: "Orders that the buyer has stay, and can be paid. Long lists are files of the gates.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "The buyer, as the shop names it.") var buyer: String
        func run() async throws { try await BuyerBlock(sale: self.sale, buyer: self.buyer).set("PUT", self.common) }
    }

    struct Unblock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a blocked buyer buy again.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "The buyer, as the shop names it.") var buyer: String
        func run() async throws { try await BuyerBlock(sale: self.sale, buyer: self.buyer).set("DELETE", self.common) }
    }
}

private struct BuyerBlock {
    let sale: String
    let buyer: String

    func set(_ method: String, _ common: CommonOptions) async throws {
        guard BuyerID(self.buyer) != nil else {
            throw ValidationError("\"\(self.buyer.prefix(64))\" is not a buyer: expected \(BuyerID.rule)")
        }
        let name = self.buyer.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? self.buyer
        let document = try await common.client().call(
            method, "/v1/sales/\(self.sale)/blocked/\(name)", as: SaleDocument.self)
        common.show(document)
    }
}
