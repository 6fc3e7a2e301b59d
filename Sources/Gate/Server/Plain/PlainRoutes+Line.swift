import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// From the line to the token, by forms.

extension PlainRoutes {
    /// What a buyer can do now.
    func standing(_ visit: PlainVisit) -> PlainPage {
        guard visit.asker != nil else { return self.signInPage(visit.sale) }
        let now = SystemClock.now()
        let title = "\(visit.sale.name): \(visit.lot.name)"
        guard let state = visit.state else {
            return PlainPage(title, refreshSeconds: 5, [PlainPage.text("The sale starts in a moment.")])
        }
        let (phase, seconds) = (state.phase(at: now), Int.random(in: 8...12))
        if phase == .ended { return PlainPage(title, [PlainPage.text("The sale has ended.")]) }
        if state.band == .gone { return PlainPage(title, [PlainPage.text("Sold out.")]) }
        if state.policy.needsEntry, visit.ticket == nil { return self.doors(visit, state, title, now: now) }
        guard phase == .open else {
            let text = phase == .paused ? "The sale is paused." : "The sale opens at \(JSON.text(state.opensAt))."
            let left = state.opensAt.milliseconds(since: now) / 1_000
            return PlainPage(
                title, refreshSeconds: phase == .paused ? seconds : Int(min(60, max(2, left))),
                [PlainPage.text(text), PlainPage.text("This page loads itself again.")])
        }
        guard visit.isAdmitted else {
            let rank = visit.ticket?.rank.text ?? ""
            return PlainPage(
                title, refreshSeconds: seconds,
                [
                    PlainPage.text("You are in line. This page loads itself again, and says when it is your turn."),
                    PlainPage.text(
                        "Your place as a number: \(rank). Numbers up to \(state.threshold.rank.text) may buy."),
                ])
        }
        return self.turn(visit, state, title)
    }

    private func doors(_ visit: PlainVisit, _ state: GateLot, _ title: String, now: Instant) -> PlainPage {
        let isOpen = state.phase(at: now) == .open
        let mayEnter = isOpen ? state.policy != .lottery : state.policy.isDrawn
        guard mayEnter else {
            let text = isOpen ? "Entries are closed: people had to enter before the opening." : "The line begins later."
            return PlainPage(title, refreshSeconds: isOpen ? nil : 10, [PlainPage.text(text)])
        }
        return PlainPage(
            title, [PlainPage.form("\(visit.address)/enter", "Enter the line"), PlainPage.text(Self.places)])
    }
    private static var places: String { "You enter once, and keep your place. More windows do not help." }

    /// The buyer's turn: a choice of challenges, or the token at once.
    private func turn(_ visit: PlainVisit, _ state: GateLot, _ title: String) -> PlainPage {
        var parts = [PlainPage.text("It is your turn.")]
        guard state.wantsChallenge else {
            return PlainPage(title, parts + [PlainPage.form("\(visit.address)/token", "Buy")])
        }
        // A provider's question needs a script, so its place is the gate's own only where there is no provider.
        if state.kinds.contains(.question), self.house.provider == nil {
            parts.append(
                PlainPage.form("\(visit.address)/challenge", "Buy: answer a question", hidden: [("kind", "question")]))
        }
        if state.kinds.contains(.clock) {
            parts.append(
                PlainPage.form("\(visit.address)/challenge", "Buy: wait a moment", hidden: [("kind", "clock")]))
        }
        if parts.count == 1 {
            parts.append(PlainPage.text("This sale asks for a check that needs JavaScript: please use such a browser."))
        }
        return PlainPage(title, parts)
    }

    func enter(_ visit: PlainVisit, _ asker: Gatehouse.Asker) async throws(Problem) -> PlainPage {
        let asked = try self.house.entry(asker, lot: visit.lot.id, now: SystemClock.now())
        let reply = await self.routes.calls.ask(asked.plan.question)
        let (document, _) = try self.house.enter(asked, reply, now: SystemClock.now())
        var page = PlainPage(
            "You are in line", refreshSeconds: 0, next: visit.address, [PlainPage.link(visit.address, "Go on")])
        // Seven days, as the entry itself. Whoever finds the ticket can do nothing with it: it is the buyer's only.
        page.cookies = [
            self.cookie(PlainVisit.ticketCookie, document.ticket, path: visit.address, lifeSeconds: 7 * 86_400)
        ]
        return page
    }

    func challenge(
        _ visit: PlainVisit, _ asker: Gatehouse.Asker, _ kind: ChallengeKind
    ) throws(Problem) -> PlainPage {
        let offered = try self.house.challenge(asker, lot: visit.lot.id, kind: kind, now: SystemClock.now())
        return self.page(visit, offered)
    }

    private func page(_ visit: PlainVisit, _ offered: OfferedChallenge) -> PlainPage {
        let title = "\(visit.sale.name): \(visit.lot.name)"
        guard case .sealed(let challenge) = offered, challenge.kind != .provider else {
            return PlainPage(title, [PlainPage.text("This check needs JavaScript."), self.clock(visit)])
        }
        let hidden = [("challenge", challenge.challenge), ("readyAt", String(challenge.readyAt))]
        guard let picture = challenge.picture else { return self.clockPage(visit, hidden) }
        // The text beside the picture must not say the sum: a program reads it as well.
        let image =
            "<p><img src=\"\(picture)\" width=\"\(QuestionPicture.width)\" height=\"\(QuestionPicture.height)\" "
            + "alt=\"A sum as a picture\"></p>"
        let answer = PlainPage.input(
            "text", "What is the result?", "inputmode=\"numeric\" autocomplete=\"off\" maxlength=\"4\" required")
        return PlainPage(
            title,
            [
                PlainPage.form("\(visit.address)/token", "Answer", hidden: hidden, image + answer),
                PlainPage.text("If you cannot read the picture, wait a moment instead: that counts as much."),
                self.clock(visit),
            ])
    }

    private func clock(_ visit: PlainVisit) -> String {
        guard visit.state?.kinds.contains(.clock) == true else { return "" }
        return PlainPage.form("\(visit.address)/challenge", "Wait a moment instead", hidden: [("kind", "clock")])
    }

    private func clockPage(_ visit: PlainVisit, _ hidden: [(String, String)]) -> PlainPage {
        // The field is the buyer's: any number may be in it.
        let (readyAt, now) = (hidden.first { $0.0 == "readyAt" }.flatMap { Int64($0.1) } ?? 0, SystemClock.now())
        let latest = now.milliseconds + SealedChallengeCodec.waitLimit
        let seconds = (min(max(readyAt, now.milliseconds), latest) - now.milliseconds + 999) / 1_000
        return PlainPage(
            "\(visit.sale.name): \(visit.lot.name)",
            [
                PlainPage.text(
                    "Please wait for \(seconds) seconds, and then press the button. Earlier, nothing happens."),
                PlainPage.form("\(visit.address)/token", "Buy", hidden: hidden),
            ])
    }

    func token(
        _ visit: PlainVisit, _ asker: Gatehouse.Asker, _ form: FormBody
    ) async throws(Problem) -> PlainPage {
        let answer = form["challenge"].map { SealedAnswer(challenge: $0, text: form["text"]) }
        let body = TokenBody(ticket: visit.ticket?.text, answer: answer)
        let asked: Gatehouse.TokenAsked
        do { asked = try self.house.token(asker, lot: visit.lot.id, body: body, now: SystemClock.now()) } catch {
            guard error.code == "too_early", let challenge = form["challenge"], let readyAt = form["readyAt"] else {
                throw error
            }
            return self.clockPage(visit, [("challenge", challenge), ("readyAt", readyAt)])
        }
        let reply = await self.routes.calls.ask(asked.plan.question)
        switch self.house.outcome(of: asked, reply, now: SystemClock.now()) {
        case .token(let document): return self.tokenPage(visit, document)
        case .refused(let problem, let next):
            var page = next.map { self.page(visit, $0) } ?? PlainPage("That did not work", [])
            page.status = problem.status
            page.parts.insert(PlainPage.text("\(problem.detail) (\(problem.code))"), at: 0)
            page.parts.append(PlainPage.link(visit.address, "Go back"))
            return page
        case .entry: preconditionFailure("the answer to a request for a token is an entry")
        }
    }

    private func tokenPage(_ visit: PlainVisit, _ document: TokenDocument) -> PlainPage {
        let limit = max(1, visit.lot.perBuyerLimit)
        let quantity = PlainPage.input(
            "quantity", "How many?", "type=\"number\" min=\"1\" max=\"\(limit)\" value=\"1\" required")
        return PlainPage(
            "\(visit.sale.name): \(visit.lot.name)",
            [
                PlainPage.text("You may order until \(JSON.text(Instant(milliseconds: document.expiresAt)))."),
                PlainPage.form(
                    "\(visit.address)/order", "Order now",
                    hidden: [("token", document.token), ("unit", document.unit)],
                    quantity),
                PlainPage.text("The number of your order will be \(document.order)."),
            ])
    }
}
