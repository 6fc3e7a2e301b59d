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
}
