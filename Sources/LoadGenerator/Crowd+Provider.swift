import NIOCore
import TrancheAPI
import TrancheCore

/// The payment provider as buyers see it.
struct ProviderTill: Sendable {
    /// Tries of one payment: a provider that was killed is back by then.
    static let tries = 60
    static let pauseMilliseconds = 250

    let pool: ConnectionPool
    let secret: String
    /// Of one item.
    let price: Money

    /// Pays, and repeats the same payment until the provider has an answer.
    ///
    /// - Returns: Whether it has taken it.
    func charge(_ body: ChargeBody, key: String) async -> Bool {
        let bytes = JSON.encode(body)
        var request = ByteBuffer()
        request.writeString(
            "POST \(ProviderForm.paymentsPath) HTTP/1.1\r\nHost: tranche\r\nContent-Type: application/json\r\n"
                + "Authorization: Bearer \(self.secret)\r\n\(ProviderForm.keyHeader): \(key)\r\n"
                + "Content-Length: \(bytes.count)\r\n\r\n")
        request.writeBytes(bytes)
        for _ in 0..<Self.tries where !Task.isCancelled {
            if let response = try? await self.pool.send(request), response.status != 503 {
                return response.status == 200 || response.status == 201
            }
            try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
        return false
    }
}

// Buyers who pay at the provider. They learn from the unit what became of it.
extension Crowd {
    /// Looks at an order that was paid, until it is.
    private static let looks = 60
    /// Looks at an order that is over: a late payment may revive it.
    private static let lateLooks = 6

    func pay(at till: ProviderTill, _ arrival: Arrival, _ order: OrderID, _ log: VisitorLog) async {
        let price = till.price * Int32(arrival.quantity)
        let copies: Int? =
            switch arrival.habit {
            case .honest, .twice, .forged, .late: nil
            case .repeated: 3
            case .untold: 0
            }
        let body = ChargeBody(
            order: order, amount: price.minor, currency: price.currency.code,
            callback: self.place(arrival.unit).unit.name, callbackCopies: copies)
        guard await till.charge(body, key: "\(order)-1") else { return }
        if arrival.habit == .twice { _ = await till.charge(body, key: "\(order)-2") }
        await self.learnOutcome(of: order, arrival, log)
    }

    private func learnOutcome(of order: OrderID, _ arrival: Arrival, _ log: VisitorLog) async {
        let request = ByteBuffer(string: "GET /v1/orders/\(order) HTTP/1.1\r\nHost: tranche\r\n\r\n")
        var lateLooks = 0
        for look in 0..<Self.looks where !Task.isCancelled && lateLooks < Self.lateLooks {
            try? await Task.sleep(for: .milliseconds(look < 4 ? Int.random(in: 40...160) : Int.random(in: 300...700)))
            guard let response = try? await self.place(arrival.unit).pool.send(request), response.status == 200,
                let document = try? JSON.decode(OrderDocument.self, from: response.body.utf8)
            else { continue }
            switch document.state {
            case "paid":
                log.paid(order)
                return self.note { report in
                    report.paid += arrival.quantity
                    report.paidOrders.append(order)
                }
            case "reserved": break
            default: lateLooks += 1
            }
        }
        if lateLooks > 0 { self.note { $0.tooLate += 1 } }
    }
}
