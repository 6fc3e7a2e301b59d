import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make purchase tokens, for experiments.", subcommands: [Mint.self])

    struct Mint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a purchase token for one buyer at one unit.")
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "The buyer.") var buyer: String
        @Option(help: "The buyer's home unit, by name; the first one if not given.") var unit: String?
        @Option(help: "Seconds until it expires.") var lifetime = 3_600
        @Option(help: "The sale's revocation epoch, as sale show prints it.") var epoch: UInt32 = 0
        func validate() throws { try Checks.number("--lifetime", self.lifetime, in: 1...604_800) }
        func run() async throws {
            let client = try self.common.client()
            let layout = client.layout
            guard let buyer = BuyerID(self.buyer) else {
                throw ValidationError("--buyer \"\(self.buyer)\" must be \(BuyerID.rule)")
            }
            let home = try self.unit.map(client.unit) ?? layout.units[0].id
            let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
            let token = PurchaseToken(
                order: OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max)),
                lot: LotID(self.lot),
                home: home, buyer: buyer, issuedAt: now, notBefore: now,
                expiresAt: now.advanced(milliseconds: Int64(self.lifetime) * 1_000), epoch: RevocationEpoch(self.epoch))
            let text = TokenCodec(secret: layout.secret("TRANCHE_TOKEN_SECRET")).mint(token)
            if self.common.json { return Output.json(MintedToken(token: text, order: token.order, home: home)) }
            Output.line(text)
        }
    }
}
