import DaemonSupport
import NIOCore
import TrancheAPI
import TrancheCore

// What a buyer with a token does at a unit.
extension Crowd {
    /// Repeats the request until the answer is final, also where the buyer is referred to.
    func order(
        _ arrival: inout Arrival, _ token: (id: OrderID, text: String), _ log: VisitorLog,
        intended: ContinuousClock.Instant, end: ContinuousClock.Instant
    ) async -> (OrderID?, String?) {
        var request = self.buyRequest(token.text, quantity: arrival.quantity)
        var pool = self.place(arrival.unit).pool
        if arrival.losesConnection {
            await pool.sendAndCut(request)
            self.note { $0.brokenConnections += 1 }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 50...300)))
        }
        var askedAt = intended
        while ContinuousClock.now < end, !Task.isCancelled {
            let (asked, sent, at) = (arrival, request, pool)
            let copy = arrival.submitsTwice ? Task { await self.ask(at, sent, asked, log, nil).code } : nil
            let (code, order, pause, referral) = await self.ask(pool, request, arrival, log, askedAt)
            if let referral, let unit = self.unit(of: referral) {
                _ = await copy?.value
                (arrival.unit, pool) = (unit, self.place(unit).pool)
                request = self.buyRequest(referral.token, quantity: arrival.quantity)
                askedAt = .now
                continue
            }
            if let second = await copy?.value, Self.contradict(second, code) {
                self.note { $0.contradictions.append("\(token.id): \(code) and \(second)") }
            }
            if code == "202", !self.settings.followsContests { return (nil, code) }
            if code == "202" { return await self.follow(token.id, pool, arrival, log, end) }
            guard code == "retry" else { return (order, code) }
            askedAt = .now + .milliseconds(pause)
            try? await Task.sleep(until: askedAt, clock: .continuous)
        }
        self.note { $0.gaveUp += 1 }
        return (nil, nil)
    }

    /// Whether two answers to one token cannot both be right. An order may end between them.
    private static func contradict(_ one: String, _ other: String) -> Bool {
        one != other && !self.isOpen(one) && !self.isOpen(other) && Set([one, other]) != ["201", "200"]
    }

    /// Whether the answer is not final.
    private static func isOpen(_ code: String) -> Bool { code == "retry" || code == "202" }

    /// Polls a contested order until it is decided.
    private func follow(
        _ id: OrderID, _ pool: ConnectionPool, _ arrival: Arrival, _ log: VisitorLog, _ end: ContinuousClock.Instant
    ) async -> (OrderID?, String?) {
        let request = ByteBuffer(string: "GET /v1/orders/\(id) HTTP/1.1\r\nHost: tranche\r\n\r\n")
        self.note { $0.contested += 1 }
        var pause = 150...400
        while ContinuousClock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Int.random(in: pause)))
            pause = 700...1_300  // The answer says Retry-After: 1.
            self.note { $0.requests += 1 }
            guard let response = try? await pool.send(request) else { continue }
            log.asked(unit: response.refusal, writes: false)
            if response.status == 200, let document = try? JSON.decode(OrderDocument.self, from: response.body.utf8) {
                if document.state == "waitlisted" { self.note { _ = $0.waitlisted.insert(id) } }
                guard document.state != "contested", document.state != "waitlisted" else { continue }
                self.acknowledge(document, arrival, log)
                return (document.order, "201")
            }
            let code = (try? JSON.decode(Problem.self, from: response.body.utf8))?.code ?? "\(response.status)"
            if response.status == 503 { continue }
            self.note { $0.answers[code, default: 0] += 1 }
            return (nil, code)
        }
        self.note { $0.gaveUp += 1 }
        return (nil, nil)
    }

    private func acknowledge(_ document: OrderDocument, _ arrival: Arrival, _ log: VisitorLog) {
        let unit = self.place(arrival.unit).unit
        log.won(
            document.order, quantity: document.quantity, until: document.deadlineMicroseconds ?? .distantFuture,
            now: SystemClock.now())
        self.note { report in
            report.answers["201", default: 0] += 1
            let known = report.acknowledged.updateValue(
                .init(order: document.order, unit: unit.id, quantity: document.quantity), forKey: document.order)
            if known == nil { report.acknowledgedByUnit[unit.name, default: 0] += document.quantity }
        }
    }

    private func ask(
        _ pool: ConnectionPool, _ request: ByteBuffer, _ arrival: Arrival, _ log: VisitorLog,
        _ intended: ContinuousClock.Instant?
    ) async -> (code: String, order: OrderID?, pauseMilliseconds: Int, referral: (url: String, token: String)?) {
        self.note { $0.requests += 1 }
        guard let response = try? await pool.send(request) else {
            log.asked(unit: nil)
            self.note { $0.brokenConnections += 1 }
            return ("retry", nil, Int.random(in: 100...400), nil)
        }
        log.asked(unit: response.refusal)
        if let intended { self.record(intended) }
        if response.status == 201, let document = try? JSON.decode(OrderDocument.self, from: response.body.utf8) {
            self.acknowledge(document, arrival, log)
            return ("201", document.order, 0, nil)
        }
        if response.status == 202 { return ("202", nil, 0, nil) }
        let problem = try? JSON.decode(Problem.self, from: response.body.utf8)
        let code = problem?.code ?? "\(response.status)"
        if response.status == 421, let url = problem?.location, let token = problem?.token {
            self.note { $0.answers["referred", default: 0] += 1 }
            return ("referred", nil, 0, (url, token))
        }
        self.note { $0.answers[code, default: 0] += 1 }
        let isTransient = response.status == 503 || code == "not_started" || code == "rate_limited"
        return (
            isTransient ? "retry" : code, nil,
            min(1_000, (response.retryAfterSeconds ?? 1) * 1_000) / 2 + Int.random(in: 0...500), nil
        )
    }

    func buyRequest(_ token: String, quantity: Int) -> ByteBuffer {
        let body = quantity == 1 ? "" : "{\"quantity\":\(quantity)}"
        return ByteBuffer(
            string:
                "POST /v1/lots/\(self.target.lot)/orders HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Shows a token to a unit, once.
    ///
    /// - Returns: The code of the refusal, or the status; `nil` without an answer.
    func present(_ token: String, at arrival: Arrival, _ log: VisitorLog) async -> String? {
        let answer = await self.ask(
            self.place(arrival.unit).pool, self.buyRequest(token, quantity: arrival.quantity), arrival, log, nil)
        return answer.code
    }
}
