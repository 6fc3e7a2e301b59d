import LoadGenerator

/// The observations of a demo.
struct DemoOutcome {
    let load: LoadReport
    let split: StaticSplit
    let seconds: Double
    let seed: UInt64
    /// Processes that ended by themselves.
    let deaths: [String]
}
