import Foundation
package import TrancheCore

/// An error as callers see it: a problem document (RFC 9457) with a stable `code`.
package struct Problem: Error, Hashable, Sendable, Codable {
    package let type: String
    package let title: String
    package let status: Int
    package let code: String
    package let detail: String
    /// Seconds after which the caller may repeat the request; `nil` if a repetition is useless.
    package let retryAfter: Int?
    /// The address to use instead.
    package let location: String?
    /// The token to use there.
    package let token: String?

    package init(
        status: Int, code: String, detail: String, retryAfter: Int? = nil, location: String? = nil, token: String? = nil
    ) {
        self.token = token
        self.type = "about:blank"
        // Bytes: a search in text would cost more than the rest of a refusal.
        self.title = String(
            decoding: code.utf8.lazy.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
        self.status = status
        self.code = code
        self.detail = detail
        self.retryAfter = retryAfter
        self.location = location
    }

    /// The kind of credential that is expected (RFC 9110, section 11.6.1): every 401 names it.
    package var challenge: String? {
        guard self.status == 401 else { return nil }
        return self.code == "bad_signature" ? "Signature" : "Bearer"
    }

    package var json: [UInt8] {
        var bytes: [UInt8] = []
        self.encode(into: &bytes)
        return bytes
    }

    /// Writes the same bytes as the JSON encoder, but faster: a unit refuses most requests of a sale.
    package func encode(into bytes: inout [UInt8]) {
        bytes.write("{\"code\":")
        bytes.write(json: self.code)
        bytes.write(",\"detail\":")
        bytes.write(json: self.detail)
        if let location {
            bytes.write(",\"location\":")
            bytes.write(json: location)
        }
        if let retryAfter {
            bytes.write(",\"retryAfter\":")
            bytes.write(decimal: retryAfter)
        }
        bytes.write(",\"status\":")
        bytes.write(decimal: self.status)
        bytes.write(",\"title\":")
        bytes.write(json: self.title)
        if let token {
            bytes.write(",\"token\":")
            bytes.write(json: token)
        }
        bytes.write(",\"type\":")
        bytes.write(json: self.type)
        bytes.append(UInt8(ascii: "}"))
    }
}

extension Problem {
    package static let notLeadingCode = "not_leading"

    /// A center that does not lead did nothing. It names the one that leads, if it knows it.
    package static func notLeading(leader: String?) -> Problem {
        Problem(
            status: 503, code: self.notLeadingCode,
            detail: leader.map { "this center stands by; the one that leads is \($0)" }
                ?? "this center stands by, and knows of none that leads",
            retryAfter: 1, location: leader)
    }

    package static func keyReused(_ key: String, _ what: String) -> Problem {
        Problem(
            status: 422, code: "key_reused",
            detail: "the idempotency key \"\(key)\" was used for \"\(what)\": use a new key for another request")
    }

    /// The only mapping from refusals to HTTP.
    package init(_ refusal: Refusal) {
        switch refusal {
        case .unknownLot(let lot): self.init(status: 404, code: "unknown_lot", detail: "lot \(lot) is not on sale here")
        case .unknownOrder(let order):
            self.init(status: 404, code: "unknown_order", detail: "order \(order) is not known here")
        case .invalidQuantity(let quantity, let limit):
            self.init(status: 400, code: "invalid_quantity", detail: "quantity \(quantity) is not in 1...\(limit)")
        case .notStarted(let opensAt):
            self.init(
                status: 403, code: "not_started", detail: "the sale opens at \(JSON.text(opensAt))", retryAfter: 1)
        case .ended: self.init(status: 403, code: "ended", detail: "the sale has ended")
        case .paused: self.init(status: 503, code: "paused", detail: "the sale is paused", retryAfter: 5)
        case .soldOut(let requested):
            self.init(
                status: 410, code: "sold_out", detail: "asked for \(requested), none is left; a new token may try again"
            )
        case .restocking:
            self.init(status: 503, code: "restocking", detail: "none is left here, but more may come", retryAfter: 1)
        case .duplicate(let held, let limit):
            self.init(status: 409, code: "duplicate", detail: "the buyer already holds \(held) of \(limit) allowed")
        case .limitReached(let requested, let held, let limit):
            self.init(
                status: 409, code: "limit_reached",
                detail: "asked for \(requested), but the buyer holds \(held) of \(limit) allowed")
        case .referred(let unit):
            self.init(
                status: 421, code: "wrong_unit", detail: "the buyer's home is unit \(unit), which was added later")
        case .overloaded(let limit):
            self.init(status: 503, code: "overloaded", detail: "more than \(limit) requests are waiting", retryAfter: 1)
        case .shed(let seconds):
            self.init(
                status: 503, code: "overloaded", detail: "the unit admits fewer requests at the moment",
                retryAfter: seconds)
        case .recovering:
            self.init(
                status: 503, code: "recovering", detail: "the unit is rebuilding its stock from the ledger",
                retryAfter: 1)
        case .alreadyPaid(let order):
            self.init(
                status: 409, code: "already_paid",
                detail: "order \(order) was paid with another payment; this one is listed for refund")
        case .paymentTooLate(let order, let state):
            self.init(
                status: 409, code: "payment_too_late",
                detail: "order \(order) is \(state.name); the payment is listed for refund")
        case .unknownPayment(let order):
            self.init(
                status: 404, code: "unknown_order",
                detail: "order \(order) is not known here; the payment is listed for refund")
        case .amountMissing(let order, let amount):
            self.init(
                status: 422, code: "amount_missing",
                detail: "order \(order) costs \(amount): a payment of it needs amount and currency; nothing was noted")
        case .otherCurrency(let order, let currency, let expected):
            self.init(
                status: 409, code: "other_currency",
                detail: "order \(order): the payment is in \(currency), and not in \(expected); it is listed for refund"
            )
        case .otherLot(let order, let lot):
            self.init(
                status: 409, code: "other_lot",
                detail: "order \(order) is of lot \(lot), and the payment of another one; it is listed for refund")
        case .tooManyPayments(let order, let limit):
            self.init(
                status: 409, code: "too_many_payments",
                detail: "order \(order) has \(limit) payments or refunds already; nothing was noted")
        case .notCancellable(let order, let state):
            self.init(status: 409, code: "not_cancellable", detail: "order \(order) is \(state.name)")
        }
    }

    /// A new buyer goes to a unit that was added to the sale.
    ///
    /// - Parameter token: The buyer's token for that unit. It has the same order id.
    package init(referredTo unit: UnitID, address: String, token: String) {
        let plain = Problem(Refusal.referred(to: unit))
        self.init(status: plain.status, code: plain.code, detail: plain.detail, location: address, token: token)
    }

    package init(_ error: TokenError, homeAddress: String? = nil) {
        switch error {
        case .missing:
            self.init(status: 401, code: "bad_token", detail: "the header Authorization: Bearer TOKEN is missing")
        case .malformed(let reason):
            self.init(status: 401, code: "bad_token", detail: "the token is malformed: \(reason)")
        case .forged: self.init(status: 401, code: "bad_token", detail: "the token's signature is wrong")
        case .expired(let at):
            self.init(status: 401, code: "token_expired", detail: "the token expired at \(JSON.text(at))")
        case .revoked(let epoch, let current):
            self.init(
                status: 401, code: "token_revoked",
                detail: "the token is of epoch \(epoch), and the sale's tokens were revoked up to epoch \(current): "
                    + "ask for a new one")
        case .blocked: self.init(status: 403, code: "blocked", detail: "the sale is not open to this buyer")
        case .early(let notBefore):
            self.init(
                status: 403, code: "not_started", detail: "the token is valid from \(JSON.text(notBefore))",
                retryAfter: 1)
        case .wrongLot(let lot, let expected):
            self.init(status: 401, code: "bad_token", detail: "the token is for lot \(lot), not for lot \(expected)")
        case .wrongUnit(let home):
            self.init(
                status: 421, code: "wrong_unit", detail: "the buyer's home is unit \(home)", location: homeAddress)
        }
    }

    package init(_ error: AuthorityError) {
        switch error {
        case .unknownLot(let lot): self.init(status: 404, code: "unknown_lot", detail: "lot \(lot) has no stock")
        case .unknownUnit(let unit):
            self.init(status: 404, code: "unknown_unit", detail: "unit \(unit) is not registered")
        case .invalidQuantity(let quantity, let limit):
            self.init(status: 400, code: "invalid_quantity", detail: "quantity \(quantity) is not in 1...\(limit)")
        case .staleEpoch(let epoch, let current):
            self.init(
                status: 409, code: "stale_epoch",
                detail: "epoch \(epoch.rawValue) is over; the current one is \(current.rawValue)")
        case .notStranded(let lot, let unit, let generation):
            self.init(
                status: 409, code: "not_stranded",
                detail: "lot \(lot) of unit \(unit), generation \(generation.rawValue), is not stranded")
        case .notContended(let lot):
            self.init(status: 409, code: "not_contended", detail: "lot \(lot) is not contested")
        case .contended(let lot):
            self.init(
                status: 409, code: "contended",
                detail: "lot \(lot) is contested: its stock is in the pool, and no unit holds any")
        case .sameUnit(let unit):
            self.init(status: 400, code: "same_unit", detail: "quota cannot be moved from unit \(unit) to itself")
        case .reporting(let unit):
            self.init(
                status: 409, code: "unit_reports",
                detail: "unit \(unit) is not known to be silent: drain it, or ask again in "
                    + "\(QuotaAuthority.findingMilliseconds / 1_000) s if the center has just begun to lead")
        case .drained(let unit):
            self.init(
                status: 409, code: "drained",
                detail: "unit \(unit) is drained and gets no quota; `tranche unit drain NAME --off` ends the drain")
        case .batchOutOfTurn(let number, let expected):
            self.init(
                status: 409, code: "batch_out_of_turn", detail: "batch \(number) is out of order; expected \(expected)")
        case .pageOutOfRange(let first, let limit):
            self.init(
                status: 400, code: "page_out_of_range", detail: "a page from \(first) on is not in 0...\(limit)")
        case .invalidBatch(let lot, let reason):
            self.init(status: 409, code: "invalid_batch", detail: "lot \(lot): \(reason)")
        case .leaderIsAlive(let epoch):
            self.init(status: 409, code: "leader_is_alive", detail: "the coordinator of epoch \(epoch.rawValue) leads")
        case .soldOutOfRange(let sold, let limit):
            self.init(status: 400, code: "invalid_quantity", detail: "sold \(sold) is not in 0...\(limit)")
        }
    }
}
