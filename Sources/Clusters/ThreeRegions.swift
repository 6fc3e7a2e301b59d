package import WideArea

/// The regions of demos and rehearsals.
package enum ThreeRegions {
    package static let names = ["us-east", "eu-west", "ap-south"]
    /// One-way delays to the place of center and coordinators, as for New York, Dublin and Mumbai.
    package static let links = WideAreaPlan(
        regions: [
            "us-east": LinkState(delayMilliseconds: 5, jitterMilliseconds: 1),
            "eu-west": LinkState(delayMilliseconds: 40, jitterMilliseconds: 2),
            "ap-south": LinkState(delayMilliseconds: 90, jitterMilliseconds: 3),
        ])
}
