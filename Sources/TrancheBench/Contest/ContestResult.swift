import Foundation
import Terminal

/// What a large contest costs: memory of the center, and time until another leader decides.
struct ContestResult: Codable {
    let requests: Int
    /// Requests that the center took into its log, each second, in batches of one caller.
    let filledPerSecond: Double
    /// Growth of the center's resident memory for each request: when all are in, at the worst moment before, and after a
    /// restart.
    let bytesPerRequest: Double
    let highestBytesPerRequest: Double
    let bytesPerRequestAfterRestart: Double
    /// From the start of a killed center until it answers.
    let restartSeconds: Double
    /// From the death of the leader until a buyer of each unit, who asks in that moment, has an item.
    let takeoverSeconds: [Double]
    /// The center's file, in bytes for each request.
    let diskBytesPerRequest: Double

    static let takeoverSecondsMax = 2.0
    static let bytesPerRequestMax = 120.0

    var isGood: Bool {
        self.highestBytesPerRequest <= Self.bytesPerRequestMax
            && self.takeoverSeconds.allSatisfy { $0 <= Self.takeoverSecondsMax }
    }

    func print() {
        Output.line("  \(Output.number(self.requests)) contested requests")
        Output.line(
            String(
                format:
                    "  memory of the center: %.0f bytes for each, %.0f at the worst moment (at most %.0f); after a restart %.0f",
                self.bytesPerRequest, self.highestBytesPerRequest, Self.bytesPerRequestMax,
                self.bytesPerRequestAfterRestart))
        Output.line(
            "  another leader decides after "
                + self.takeoverSeconds.map { String(format: "%.2f", $0) }.joined(separator: ", ")
                + " s (at most \(Self.takeoverSecondsMax))")
        Output.line(
            String(
                format: "  the center restarts in %.1f s; its file has %.0f bytes for each; filled at %.0f a second",
                self.restartSeconds, self.diskBytesPerRequest, self.filledPerSecond))
    }
}
