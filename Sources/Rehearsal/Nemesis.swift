import Clusters
import Foundation
import Simulation
import Terminal

/// Injects faults into a running cluster, repairs them, and measures how long each part took to work again.
final class Nemesis {
    struct Event: Codable, Sendable {
        let fault: RehearsalFault
        let target: String
        /// The time from the repair until the part worked; `nil` if it did not work within the limit.
        let recoverySeconds: Double?
    }

    let cluster: LocalCluster
    let probe: RecoveryProbe
    private let faults: [RehearsalFault]
    /// The small file system in one unit's folder; `nil` if there is none.
    let smallDisk: SmallDisk?
    /// Decides how long faults last; `nil`: chance does.
    let referee: RehearsalReferee?
    private let note: @Sendable (String) -> Void
    var random: SeededRandom
    /// The number of the next fault. It continues over several sales, so that each kind of fault occurs.
    private(set) var next: Int
    private(set) var events: [Event] = []
    /// The fault that is being injected, and where.
    private var present: (fault: RehearsalFault, target: String)?
    var restores = 0
    var copies = 0

    init(
        _ cluster: LocalCluster, _ probe: RecoveryProbe, _ plan: RehearsalPlan, smallDisk: SmallDisk?,
        referee: RehearsalReferee? = nil, note: @escaping @Sendable (String) -> Void
    ) {
        self.cluster = cluster
        self.probe = probe
        self.smallDisk = smallDisk
        self.referee = referee
        self.note = note
        self.faults = plan.faults.filter { $0 != .fillDisk || smallDisk != nil }
        self.random = SeededRandom(seed: plan.seed)
        self.next = plan.firstFault
    }

    /// Injects one fault after another, until `end`.
    func run(until end: ContinuousClock.Instant) async {
        guard !self.faults.isEmpty else { return }
        await self.pause(500...1_500)
        while ContinuousClock.now < end, !Task.isCancelled {
            let fault = self.faults[self.next % self.faults.count]
            self.next += 1
            let name = self.region(fault)
            self.present = (fault, name)
            await self.referee?.tell(.next, fault, on: name)
            guard self.referee?.isOver != true else { return }
            self.note("\(fault.rawValue) \(name)")
            do {
                let recovery = try await self.recovery(from: fault, on: name)
                self.note(
                    "\(fault.rawValue) \(name): "
                        + (recovery.map { String(format: "works again after %.2f s", $0) } ?? "DOES NOT WORK AGAIN"))
                self.events.append(Event(fault: fault, target: name, recoverySeconds: recovery))
            } catch {
                self.note("\(fault.rawValue) \(name): \(error)")
                self.events.append(Event(fault: fault, target: name, recoverySeconds: nil))
            }
            await self.pause(300...1_500)
        }
    }

    /// Seconds from the repair until the part works again; for coordinators, from the fault until another one leads.
    private func recovery(from fault: RehearsalFault, on name: String) async throws -> Double? {
        guard fault == .killCoordinator || fault == .pauseCoordinator else {
            let part = try await self.inflict(fault, on: name)
            await self.referee?.tell(.ended, fault, on: name)
            return await self.probe.recovery(of: part)
        }
        // The second coordinator leads before the repair of the first one.
        guard let (leader, epoch) = await self.probe.lead() else { throw CommandError("no coordinator leads") }
        let began = Date()
        if fault == .killCoordinator { self.cluster.kill(leader) } else { self.cluster.signal(leader, SIGSTOP) }
        let recovery = await self.probe.succession(after: epoch)
        await self.last(200...2_000, since: began)
        if fault == .killCoordinator { try self.cluster.start(leader) } else { self.cluster.signal(leader, SIGCONT) }
        await self.referee?.tell(.ended, fault, on: name)
        return recovery
    }

    private func region(_ fault: RehearsalFault) -> String {
        let units = self.cluster.layout.units.map(\.name)
        let drawn = units[self.random.number(0...units.count - 1)]
        return fault == .fillDisk ? self.smallDisk?.unit ?? drawn : drawn
    }

    /// Lets the present fault last: as long as the referee says, or by chance without one.
    ///
    /// - Parameters:
    ///   - milliseconds: Without a referee; `nil`: the fault is over at once.
    ///   - began: When it began, if that was earlier.
    func last(_ milliseconds: ClosedRange<Int>?, since began: Date = Date()) async {
        if let referee, let present {
            await referee.tell(.begun, present.fault, on: present.target, at: began)
        } else if let milliseconds {
            await self.pause(milliseconds)
        }
    }

    func pause(_ milliseconds: ClosedRange<Int>) async {
        try? await Task.sleep(for: .milliseconds(self.random.number(milliseconds)))
    }
}
