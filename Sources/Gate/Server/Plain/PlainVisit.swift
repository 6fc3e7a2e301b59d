import DaemonSupport
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// One request of a browser without scripts: its sale and lot, and who asks.
struct PlainVisit {
    static let sessionCookie = "tranche-session"
    static let ticketCookie = "tranche-ticket"

    let sale: SaleConfig.Sale
    let lot: SaleConfig.Lot
    /// As the machine sees it; `nil` before the first configuration.
    let state: GateLot?
    let asker: Gatehouse.Asker?
    /// The entry ticket, if it is this buyer's and this lot's.
    let ticket: (text: String, rank: EntryRank)?

    /// The address of the sale's pages without scripts.
    static func base(_ sale: String) -> String { "/sales/\(sale)/plain" }
    var address: String { "\(Self.base(self.sale.id))/\(self.lot.id)" }

    var isAdmitted: Bool {
        guard let state else { return false }
        guard state.policy.needsEntry else { return true }
        return self.ticket.map { state.threshold.admits($0.rank) } ?? false
    }
}

extension PlainRoutes {
    func sale(_ context: TrancheContext) throws(Problem) -> SaleConfig.Sale {
        let name = context.parameters.get("sale") ?? ""
        let sales = self.house.setting.withLockedValue { $0.config.sales }
        guard let sale = sales.first(where: { $0.id == name && $0.state != .draft && $0.state != .settled }) else {
            throw StatusPages.unknown(name)
        }
        return sale
    }

    func visit(_ request: Request, _ context: TrancheContext) throws(Problem) -> PlainVisit {
        let (sale, id) = (try self.sale(context), try context.lot())
        guard let lot = sale.lots.first(where: { $0.id == id }) else { throw self.house.unknownLot(id) }
        let asker = try? self.asker(request, context)
        let text = StrictCookie.value(PlainVisit.ticketCookie, in: request.headers[.cookie])
        let ticket = text.flatMap { text -> (String, EntryRank)? in
            guard let asker, let ticket = try? self.house.tickets.open(text.utf8, lot: id, buyer: asker.session.buyer)
            else { return nil }
            return (text, ticket.rank)
        }
        let state = self.house.machine.withLockedValue { $0.lots[id] }
        return PlainVisit(sale: sale, lot: lot, state: state, asker: asker, ticket: ticket)
    }

    /// The buyer, by the session in the cookie. All limits and rules count as for every other caller.
    func asker(_ request: Request, _ context: TrancheContext) throws(Problem) -> Gatehouse.Asker {
        let session = StrictCookie.value(PlainVisit.sessionCookie, in: request.headers[.cookie]) ?? ""
        let address = self.routes.address(request, context)
        return try GateRoutes.withBytes(session.utf8) { bytes throws(Problem) in
            try self.house.asker(bytes, from: address, now: SystemClock.now())
        }
    }

    /// The fields of a form that a page of this gate has sent.
    func form(_ request: Request, isFromShop: Bool = false) async throws(Problem) -> FormBody {
        let source = FormSource(request)
        let isFromShop = isFromShop && source.isFrom(self.house.configuration.shopOrigins)
        guard source.isOwn(home: self.house.configuration.publicURL) || isFromShop else {
            self.house.count("foreign_form")
            throw Problem(
                status: 403, code: "foreign_form",
                detail: "the form was sent from \"\(request.headers[.origin]?.prefix(100) ?? "nowhere")\", not from a "
                    + "page of \(self.house.configuration.publicURL)")
        }
        return try FormBody(try await request.bytes(limit: FormBody.byteLimit))
    }

    func cookie(_ name: String, _ value: String, path: String, lifeSeconds: Int) -> StrictCookie {
        StrictCookie(
            name: name, value: value, path: path,
            isSecure: self.house.configuration.publicURL.hasPrefix("https://"), lifeSeconds: lifeSeconds)
    }
}
