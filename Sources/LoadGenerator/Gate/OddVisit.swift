import TrancheAPI
import TrancheCore

/// A visit of somebody who is no plain buyer.
struct OddVisit: Sendable {
    let crowd: Crowd
    let door: GateDoor
    let log: VisitorLog
    let arrival: Arrival
    let end: ContinuousClock.Instant

    /// Each visitor but a script tries everything so many times, with pauses that reach over the opening.
    static let rounds = 3
    static let pauseMilliseconds = 700...2_500

    var isOver: Bool { Task.isCancelled || ContinuousClock.now >= self.end }

    func call(_ call: String, _ session: String?, _ body: TokenBody? = nil) async -> LoadResponse? {
        await self.door.call(
            "POST", "/v1/lots/\(self.crowd.target.lot)/\(call)", session, body.map { JSON.encode($0) } ?? [], self.log)
    }

    /// Asks for a token and, if there is one, shows it to its unit: nobody lets a token lie.
    func tryToken(_ session: String?, ticket: String?, answer: WorkAnswer? = nil, again: Bool = false) async {
        let response = await self.call(
            again ? "token/again" : "token", session, TokenBody(ticket: ticket, solution: answer))
        guard let document = response?.token else { return }
        self.log.reach(.token)
        guard let unit = self.crowd.unit(at: document.unit) else { return }
        await self.show(document.token, at: unit)
    }

    /// Shows a token to a unit.
    @discardableResult func show(_ token: String, at unit: Int) async -> String? {
        var arrival = self.arrival
        arrival.unit = unit
        return await self.crowd.present(token, at: arrival, self.log)
    }

    func rest() async { await Pause.between(Self.pauseMilliseconds) }
}

extension LoadResponse {
    var token: TokenDocument? {
        self.status == 201 ? try? JSON.decode(TokenDocument.self, from: self.body.utf8) : nil
    }
    var entry: EntryDocument? {
        self.status <= 201 ? try? JSON.decode(EntryDocument.self, from: self.body.utf8) : nil
    }
    /// The challenge of an answer, or of the refusal of one that was too fast.
    var challenge: Challenge? {
        guard self.status == 201 || self.refusal == "too_fast" else { return nil }
        return try? JSON.decode(ChallengeDocument.self, from: self.body.utf8).challenge
    }
}
