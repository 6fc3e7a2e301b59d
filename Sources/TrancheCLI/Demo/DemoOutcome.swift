import LoadGenerator
import TrancheAPI
import TrancheCore
import Verification

/// The observations of a demo.
struct DemoOutcome {
    let load: LoadReport
    let split: StaticSplit
    let seconds: Double
    let seed: UInt64
    /// The book of the sample shop; `nil` in a demo without one.
    var shop: [OrderID: BookedOrder]?
    /// The book of the sample provider; `nil` in a demo whose crowd is its own provider.
    var provider: [ProviderEntry]?
    /// Processes that ended by themselves.
    let deaths: [String]

    /// The payments, as their provider has them. One that it gave back was not taken.
    var payments: [ProviderPayment] {
        if let provider {
            return provider.map { entry in
                ProviderPayment(
                    order: entry.charge.order, payment: entry.charge.payment.rawValue,
                    isTaken: entry.charge.refunded == 0)
            }
        }
        return self.paymentsOfCrowd
    }

    private var paymentsOfCrowd: [ProviderPayment] {
        self.load.payments.flatMap { order, seen in
            seen.map { ProviderPayment(order: order, payment: $0.payment, isTaken: $0.isTaken) }
        }
    }
}
