import CurlClient
import DaemonSupport
import HTTPTypes
import Hummingbird
import Identity
import NIOConcurrencyHelpers
import NIOCore
import TrancheAPI
import TrancheCore

/// The way of a buyer without JavaScript: plain forms, for the same calls and under the same limits as the API.
///
/// Nothing here moves by itself: the page is loaded again every few seconds, and the buyer presses the buttons. Payment
/// is the shop's.
struct PlainRoutes {
    let routes: GateRoutes
    let style: String
    var house: Gatehouse { self.routes.house }

    func add(to router: Router<TrancheContext>) {
        router.get("/sales/:sale/plain") { request, context in
            await self.answer { try self.start(try self.sale(context), try? self.asker(request, context)) }
        }
        router.post("/sales/:sale/plain/sign-in") { request, context in
            await self.answer {
                try await self.signIn(request, try self.sale(context), from: self.routes.address(request, context))
            }
        }
        router.post("/sales/:sale/plain/sign-out") { request, context in
            await self.answer {
                _ = try await self.form(request)
                return self.signedOut(try self.sale(context))
            }
        }
        router.get("/sales/:sale/plain/:lot") { request, context in
            await self.answer { self.standing(try self.visit(request, context)) }
        }
        router.post("/sales/:sale/plain/:lot/enter") { request, context in
            await self.answer {
                _ = try await self.form(request)
                return try await self.enter(try self.visit(request, context), try self.asker(request, context))
            }
        }
        router.post("/sales/:sale/plain/:lot/challenge") { request, context in
            await self.answer {
                let form = try await self.form(request)
                return try self.challenge(
                    try self.visit(request, context), try self.asker(request, context),
                    ChallengeKind(rawValue: form["kind"] ?? "") ?? .clock)
            }
        }
        router.post("/sales/:sale/plain/:lot/token") { request, context in
            await self.answer {
                let form = try await self.form(request)
                return try await self.token(
                    try self.visit(request, context), try self.asker(request, context), form)
            }
        }
        router.post("/sales/:sale/plain/:lot/order") { request, context in
            await self.answer {
                let form = try await self.form(request)
                return try await self.order(
                    try self.visit(request, context), try self.asker(request, context), form)
            }
        }
        router.get("/sales/:sale/plain/:lot/order") { request, context in
            await self.answer {
                try await self.look(
                    try self.visit(request, context), try self.asker(request, context),
                    request.uri.queryParameters["order"].map(String.init),
                    request.uri.queryParameters["unit"].map(String.init))
            }
        }
    }

    /// A refusal is a page, too.
    private func answer(_ make: () async throws -> PlainPage) async -> Response {
        let page: PlainPage
        do { page = try await make() } catch {
            page = Self.refusal(error as? Problem ?? Problem(status: 500, code: "internal", detail: "please try again"))
        }
        return page.response(style: self.style)
    }

    static func refusal(_ problem: Problem, _ parts: [String] = []) -> PlainPage {
        let wait = problem.retryAfter.map { "Try again in \($0) seconds." } ?? "Go back, and try again."
        return PlainPage(
            "That did not work", status: problem.status,
            [PlainPage.text("\(problem.detail) (\(problem.code))"), PlainPage.text(wait)] + parts)
    }

    // MARK: who asks

    private func start(_ sale: SaleConfig.Sale, _ asker: Gatehouse.Asker?) throws(Problem) -> PlainPage {
        let base = PlainVisit.base(sale.id)
        guard let asker else { return self.signInPage(sale) }
        let lots = sale.lots.map { "<li><a href=\"\(base)/\($0.id)\">\(HTMLText.escaped($0.name))</a></li>" }.joined()
        return PlainPage(
            sale.name,
            [
                PlainPage.text("You are signed in as \(asker.session.buyer). What would you like?"), "<ul>\(lots)</ul>",
                PlainPage.form("\(base)/sign-out", "Sign out"),
            ])
    }

    func signInPage(_ sale: SaleConfig.Sale) -> PlainPage {
        let base = PlainVisit.base(sale.id)
        if self.house.isDev {
            let name = PlainPage.input("name", "Your name", "maxlength=\"64\" required")
            return PlainPage(sale.name, [PlainPage.form("\(base)/sign-in", "Sign in", name)])
        }
        let proof = PlainPage.input("token", "Proof of identity", "autocomplete=\"off\" required")
        return PlainPage(
            sale.name,
            [
                PlainPage.text(
                    "Please sign in at the shop, and choose there to go on without JavaScript. If the shop shows you a "
                        + "proof of identity as a text, copy it to this field."),
                PlainPage.form("\(base)/sign-in", "Go on", proof),
            ])
    }

    private func signIn(
        _ request: Request, _ sale: SaleConfig.Sale, from address: NetworkAddress
    ) async throws -> PlainPage {
        let form = try await self.form(request, isFromShop: true)
        let now = SystemClock.now()
        var proof = form["token"] ?? ""
        if let identity = self.routes.dev?.identity, let name = form["name"] {
            guard let buyer = BuyerID(name) else {
                throw Problem(
                    status: 400, code: "bad_request", detail: "the name \"\(name.prefix(64))\" is not \(BuyerID.rule)")
            }
            proof = try identity.mint(GateClaims(buyer: buyer, region: self.house.configuration.region), now: now)
        }
        let document = try GateRoutes.withBytes(proof.utf8) { bytes throws(Problem) in
            try self.house.openSession(bytes, from: address, now: now)
        }
        let base = PlainVisit.base(sale.id)
        // No redirection: the cookie is not sent with one that began at the shop's site.
        var page = PlainPage(sale.name, refreshSeconds: 0, next: base, [PlainPage.link(base, "Go on")])
        page.cookies = [
            self.cookie(
                PlainVisit.sessionCookie, document.session, path: base,
                lifeSeconds: Int((document.expiresAt - now.milliseconds) / 1_000))
        ]
        return page
    }

    private func signedOut(_ sale: SaleConfig.Sale) -> PlainPage {
        var page = self.signInPage(sale)
        page.cookies = [
            self.cookie(PlainVisit.sessionCookie, "", path: PlainVisit.base(sale.id), lifeSeconds: 0)
        ]
        return page
    }
}
