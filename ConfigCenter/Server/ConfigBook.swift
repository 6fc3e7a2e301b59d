import DaemonSupport
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

/// The current configuration, its versions, and those who wait for the next one.
actor ConfigBook {
    private let keeper: AuthorityKeeper
    private(set) var push: ConfigPush
    private(set) var config: SaleConfig {
        didSet { self.names = Self.names(self.config) }
    }
    private var names: [UnitID: String] = [:]
    /// The last version that no unit's refusal may keep from the others.
    private var urgentVersion = 0
    /// Whether the present version goes to every unit, whatever any other one says of it: until each of them has applied the
    /// last urgent version, or a later one.
    var isUrgent: Bool {
        self.urgentVersion == self.push.version
            || self.config.units.contains { unit in
                self.rollout.applied[unit.name] ?? 0 < self.urgentVersion && !self.refusers.contains(unit.name)
            }
    }
    /// Units that refused the last urgent version, or a later one: nobody waits for them.
    private var refusers: Set<String> = []
    private(set) var rollout: Rollout
    private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var waiterCount: UInt64 = 0
    /// From then on nobody waits: a long poll would hold the shutdown up.
    private var isStopping = false
    /// Long polls at a time; one more is answered at once.
    static let waitersLimit = 4_096

    init(keeper: AuthorityKeeper) throws {
        self.keeper = keeper
        if let last = try keeper.store.configVersions(limit: 1).first {
            let content = String(decoding: last.content, as: UTF8.self)
            self.push = ConfigPush(version: last.version, epoch: keeper.epoch, content: content)
            self.config = try self.push.validated()
        } else {
            self.config = SaleConfig()
            self.push = ConfigPush(
                version: 0, epoch: keeper.epoch, content: String(decoding: JSON.encode(SaleConfig()), as: UTF8.self))
        }
        self.rollout = Rollout(version: self.push.version)
        self.names = Self.names(self.config)
    }

    private static func names(_ config: SaleConfig) -> [UnitID: String] {
        Dictionary(config.units.map { ($0.id, $0.name) }) { _, last in last }
    }

    /// Makes a new version of what `body` makes of the current one.
    ///
    /// - Parameters:
    ///   - expected: The version that the caller has seen; `nil` if it does not matter.
    ///   - act: What an operator asked for: done once.
    ///   - isUrgent: No unit's refusal keeps it from the others: a pause is never vetoed.
    /// - Throws: ``Problem``: `precondition_failed`, `invalid_config`, or what `body` throws. Nothing has changed then.
    @discardableResult
    func change(
        expected: Int?, actor: String, note: String, act: OperatorAct? = nil, isUrgent: Bool = false,
        _ body: (inout SaleConfig) throws(Problem) -> Void
    ) async throws(Problem) -> ConfigPush {
        if let act, try self.keeper.isDone(act) { return self.push }
        if let expected, expected != self.push.version {
            throw Problem(
                status: 412, code: "precondition_failed",
                detail:
                    "the configuration is at version \(self.push.version), not \(expected): read it again, then repeat")
        }
        var next = self.config
        try body(&next)
        try next.validate()
        if next == self.config { return self.push }
        let push = ConfigPush(
            version: self.push.version + 1, epoch: self.keeper.epoch,
            content: String(decoding: JSON.encode(next), as: UTF8.self))
        let version = AuthorityStore.ConfigVersion(
            version: push.version, checksum: push.checksum, content: .init(push.content.utf8), at: SystemClock.now(),
            actor: actor,
            note: note)
        do { try self.keeper.store.append(version, act: act, as: self.keeper.epoch) } catch {
            throw Problem(status: 503, code: "storage", detail: "\(error)", retryAfter: 1)
        }
        self.config = next
        self.push = push
        if isUrgent { (self.urgentVersion, self.refusers) = (push.version, []) }
        self.rollout = Rollout(version: push.version, applied: self.rollout.applied)
        self.wake()
        return push
    }

    /// Notes what a unit says in its report that it has applied.
    ///
    /// - Returns: Whether the unit is in the configuration.
    func heard(from unit: UnitID, version: Int) -> Heard {
        guard let name = self.names[unit] else { return .unknown }
        guard version <= self.push.version else { return .ahead }
        self.applied(name, version: version)
        return .noted
    }

    enum Heard {
        case unknown, noted
        /// The unit has a version that was never made here: this center's file was lost or set back.
        case ahead
    }

    /// Notes what a unit has applied, by its report or by its answer to a push.
    func applied(_ unit: String, version: Int) { self.rollout.applied[unit] = version }

    /// A unit refused the version: it goes no further, until a newer one replaces it.
    func refused(_ unit: String, version: Int, reason: String) {
        if version >= self.urgentVersion { self.refusers.insert(unit) }
        if version == self.rollout.version { self.rollout.refusal = "\(unit): \(reason)" }
    }

    /// The version after `version`, or `nil` if there is none within the time, or if its rollout was stopped.
    func next(after version: Int, waitSeconds: Int) async -> ConfigPush? {
        if self.push.version <= version || self.isStopped, waitSeconds > 0, !self.isStopping,
            self.waiters.count < Self.waitersLimit
        {
            self.waiterCount += 1
            let number = self.waiterCount
            let timer = Task {
                try? await Task.sleep(for: .seconds(waitSeconds))
                self.wake(number)
            }
            await withCheckedContinuation { self.waiters[number] = $0 }
            timer.cancel()
        }
        return self.push.version > version && !self.isStopped ? self.push : nil
    }

    /// Whether the present version goes to no further unit.
    private var isStopped: Bool { self.rollout.refusal != nil && !self.isUrgent }

    private func wake(_ number: UInt64) { self.waiters.removeValue(forKey: number)?.resume() }

    func stop() {
        self.isStopping = true
        self.wake()
    }

    private func wake() {
        let waiting = self.waiters
        self.waiters = [:]
        for number in waiting.keys.sorted() { waiting[number]?.resume() }
    }
}
