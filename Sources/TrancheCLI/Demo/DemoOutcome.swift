import LoadGenerator
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
    /// Processes that ended by themselves.
    let deaths: [String]

    /// The payments, as the crowd has them, which is their provider.
    var payments: [ProviderPayment] {
        self.load.payments.flatMap { order, seen in
            seen.map { ProviderPayment(order: order, payment: $0.payment, isTaken: $0.isTaken) }
        }
    }
}
