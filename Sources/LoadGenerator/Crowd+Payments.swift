import DaemonSupport
import NIOCore
import TrancheAPI
import TrancheCore

// The crowd as its buyers' payment provider.
extension Crowd {
    /// Pays for an order, in the way of the arrival's habit.
    func pay(_ arrival: Arrival, _ order: OrderID, _ log: VisitorLog) async {
        try? await Task.sleep(for: .milliseconds(arrival.thinkMilliseconds))
        let payment = PaymentID("pay-\(order)")!
        if let provider {
            if arrival.habit == .forged { await self.forge(arrival, order, payment) }
            return await self.pay(at: provider, arrival, order, log)
        }
        if arrival.habit == .forged { await self.forge(arrival, order, payment) }
        guard let status = await self.callBack(arrival, order, payment, self.signature) else { return }
        if status == 200 { log.paid(order) }
        self.note { report in
            if status == 200 {
                report.paid += arrival.quantity
                report.paidOrders.append(order)
            } else {
                report.tooLate += 1
            }
        }
        let further: [PaymentID] =
            switch arrival.habit {
            case .honest, .forged, .late, .untold: []
            case .repeated: [payment, payment]
            case .twice: [PaymentID("again-\(order)")!]
            }
        for one in further {
            guard let later = await self.callBack(arrival, order, one, self.signature),
                let wrong = arrival.habit.contradiction(first: status, later: later)
            else { continue }
            self.note { $0.contradictions.append("\(order): \(wrong)") }
        }
    }

    /// A callback by somebody who does not have the secret.
    private func forge(_ arrival: Arrival, _ order: OrderID, _ payment: PaymentID) async {
        let forged = PaymentSignature(secret: String(repeating: "f", count: 64))
        guard let status = await self.callBack(arrival, order, payment, forged), status != 401 else { return }
        self.note { $0.contradictions.append("\(order): a forged callback was answered \(status)") }
    }

    /// Sends a callback until the unit has an answer, and writes down what it said.
    ///
    /// - Returns: The status; `nil` if there was no answer in time.
    private func callBack(
        _ arrival: Arrival, _ order: OrderID, _ payment: PaymentID, _ signature: PaymentSignature
    ) async -> Int? {
        let body = JSON.encode(PaymentBody(order: order, payment: payment))
        for _ in 0..<40 where !Task.isCancelled {
            var request = ByteBuffer()
            request.writeString(
                "POST /v1/payments/callback HTTP/1.1\r\nHost: tranche\r\nContent-Type: application/json\r\n"
                    + "\(PaymentSignature.header): \(signature.sign(body, at: SystemClock.now()))\r\n"
                    + "Content-Length: \(body.count)\r\n\r\n")
            request.writeBytes(body)
            if let response = try? await self.place(arrival.unit).pool.send(request), response.status != 503 {
                self.note { $0.take(response.status, for: order, payment) }
                return response.status
            }
            try? await Task.sleep(for: .milliseconds(250))
        }
        return nil
    }
}

extension LoadReport {
    /// - Parameter status: The unit's answer to a callback.
    fileprivate mutating func take(_ status: Int, for order: OrderID, _ payment: PaymentID) {
        // 409: paid already, or over. 404: not known, and owed all the same. Anything else says nothing about the payment.
        guard status == 200 || status == 409 || status == 404 else { return }
        let seen = SeenPayment(payment: payment.rawValue, isTaken: status == 200)
        if !self.payments[order, default: []].contains(seen) { self.payments[order, default: []].append(seen) }
    }
}
