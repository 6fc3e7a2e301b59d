import Clusters
import Foundation
import NIOConcurrencyHelpers
import Terminal

/// Reports a process of a cluster that ended by itself, and starts it again. The number of restarts is limited, because
/// they do not help a process that fails at each start.
final class Restarter: Sendable {
    static let restartsLimit = 5
    static let windowSeconds = 60.0

    private let isOn: Bool
    private let isQuiet: Bool
    private let restarts = NIOLockedValueBox<[LocalCluster.Part: [ContinuousClock.Instant]]>([:])
    private let holder = NIOLockedValueBox<Holder>(Holder())
    private struct Holder { weak var cluster: LocalCluster? }

    init(isOn: Bool, isQuiet: Bool) { (self.isOn, self.isQuiet) = (isOn, isQuiet) }

    var cluster: LocalCluster? {
        get { self.holder.withLockedValue { $0.cluster } }
        set { self.holder.withLockedValue { $0.cluster = newValue } }
    }

    func handle(_ death: ProcessDeath) {
        guard self.isOn else { return self.say("\(death)") }
        let isAllowed = self.restarts.withLockedValue { restarts in
            let start = ContinuousClock.now - .seconds(Self.windowSeconds)
            let recent = (restarts[death.part] ?? []).filter { $0 > start }
            guard recent.count < Self.restartsLimit else { return false }
            restarts[death.part] = recent + [.now]
            return true
        }
        guard isAllowed else {
            return self.say(
                "\(death); ended \(Self.restartsLimit) times within \(Int(Self.windowSeconds)) s and stays down: see its log"
            )
        }
        do {
            try self.cluster?.start(death.part)
            self.say("\(death); started again")
        } catch { self.say("\(death); it could not be started again: \(error)") }
    }

    /// With --json, messages go to standard error, because a script reads standard output.
    private func say(_ text: String) {
        guard self.isQuiet else { return Output.line(Output.red(text)) }
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
