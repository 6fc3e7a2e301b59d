import LoadGenerator

/// What a demo saw.
struct DemoOutcome {
    let load: LoadReport
    let split: StaticSplit
    let seconds: Double
    let seed: UInt64
    /// Processes that ended although nobody stopped them.
    let deaths: [String]
}
