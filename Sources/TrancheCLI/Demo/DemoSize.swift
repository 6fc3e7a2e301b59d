import ArgumentParser
import Clusters

/// How large a demo is.
struct DemoSize {
    var stock: Int
    var buyers: Int
    /// In which the buyers arrive.
    var seconds: Double
    /// Weights of the demand in the three regions.
    var skew: String

    static let usual = DemoSize(stock: 5_000, buyers: 12_000, seconds: 20, skew: "80,15,5")
    /// The stock lasts until the last fault is over.
    static let machines = DemoSize(stock: 4_000, buyers: 6_000, seconds: 50, skew: "50,30,20")

    /// The size for a machine that serves this share of a usual demo.
    func fitted(to share: Double) -> DemoSize {
        var size = self
        size.stock = Int(Double(self.stock) * share)
        size.buyers = Int(Double(self.buyers) * share)
        return size
    }

    /// What an option is if it is not given.
    static func texts(_ text: (DemoSize) -> String) -> String {
        "\(text(self.usual)) if not given, with --machines \(text(self.machines))"
    }

    var weights: [Int] {
        get throws {
            let weights = self.skew.split(separator: ",").compactMap { Int($0) }
            guard weights.count == ThreeRegions.names.count else {
                throw ValidationError("--skew \"\(self.skew)\" is not three weights, as in 80,15,5")
            }
            return weights
        }
    }
}
