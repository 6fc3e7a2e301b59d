import CurlClient
package import DaemonSupport
package import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
package import TrancheAPI
import TrancheCore

/// Tells units of payments, and again until they have answered. What is to be told is in the book, so a provider that
/// was killed goes on with it.
package final class CallbackLoop: Service {
    /// Callbacks at a time.
    static let concurrency = 64
    static let pauseMilliseconds = 20
    /// While there is more to send.
    static let shortPauseMilliseconds = 2
    static let timeoutMilliseconds = 5_000
    /// An answer of a unit is a short document.
    static let answerBytes = 65_536
    /// Between two tries: twice the last one, up to this.
    static let longestPauseMilliseconds: Int64 = 2_000
    /// After so many tries, half an hour, nobody is there.
    static let triesLimit = 1_000
    /// In place of a status: nobody has answered in all tries.
    static let nobody = 0

    private let book: ProviderBook
    private let receivers: [String: String]
    private let signature: PaymentSignature
    private let curl = CurlClient()
    private let telemetry: Telemetry
    private let logger: Logger
    private let underway = NIOLockedValueBox<Set<Int64>>([])

    /// - Parameter receivers: The units' public addresses, by name.
    package init(
        book: ProviderBook, receivers: [String: String], signature: PaymentSignature, telemetry: Telemetry,
        logger: Logger
    ) {
        (self.book, self.receivers, self.signature) = (book, receivers, signature)
        (self.telemetry, self.logger) = (telemetry, logger)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    let due = await self.due()
                    for callback in due {
                        _ = self.underway.withLockedValue { $0.insert(callback.number) }
                        group.addTask { await self.send(callback) }
                    }
                    let pause = due.isEmpty ? Self.pauseMilliseconds : Self.shortPauseMilliseconds
                    try? await Task.sleep(for: .milliseconds(pause))
                }
                group.cancelAll()
            }
        }
        self.curl.stop()
    }

    private func due() async -> [ProviderBook.Callback] {
        let underway = self.underway.withLockedValue { $0 }
        guard underway.count < Self.concurrency else { return [] }
        do {
            return try await self.book.dueCallbacks(
                now: SystemClock.now(), limit: Self.concurrency - underway.count, except: underway)
        } catch {
            self.logger.error("the book cannot be read: \(error)")
            return []
        }
    }

    private func send(_ callback: ProviderBook.Callback) async {
        let status = await self.status(of: callback)
        let isLast = status.map(Self.isLast) ?? false
        let pause = min(Self.longestPauseMilliseconds, 100 << Int64(min(callback.tries, 10)))
        let end = callback.tries + 1 >= Self.triesLimit ? Self.nobody : nil
        // If it cannot be written down it is sent once more: a receiver knows its payments.
        try? await self.book.answered(
            callback, status: isLast ? status : end, due: SystemClock.now().advanced(milliseconds: pause))
        _ = self.underway.withLockedValue { $0.remove(callback.number) }
        self.telemetry.count(
            "tranche_sample_provider_callbacks_total", "Callbacks that were sent, by their answer.",
            labels: "status=\"\(status ?? 0)\"")
    }

    private func status(of callback: ProviderBook.Callback) async -> Int? {
        guard let receiver = self.receivers[callback.receiver], let order = OrderID(hex: callback.order),
            let payment = PaymentID(callback.payment)
        else { return nil }
        let amount = Money(amount: callback.amount, currency: callback.currency)
        let body = JSON.encode(PaymentBody(order: order, payment: payment, amount: amount))
        let request = CurlRequest(
            "POST", receiver + "/v1/payments/callback",
            headers: [
                "Content-Type": "application/json",
                PaymentSignature.header: self.signature.sign(body, at: SystemClock.now()),
            ],
            body: body, timeoutMilliseconds: Self.timeoutMilliseconds, bodyLimitBytes: Self.answerBytes)
        return try? await self.curl.send(request).status
    }

    /// Whether a unit has said what it does with a payment. It says 409 or 404 of one that it will give back. A
    /// signature that it does not know may be one of a secret that it gets later.
    static func isLast(_ status: Int) -> Bool {
        switch status {
        case 200..<300, 400, 404, 409, 410, 413, 422: true
        default: false
        }
    }
}
