import DaemonSupport
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

/// The current configuration, its versions, and the long polls that wait for the next one.
actor ConfigBook {
    private let keeper: AuthorityKeeper
    private(set) var push: ConfigPush
    private(set) var config: SaleConfig
    /// The names of the configuration's units, for readers on other threads: each call of a unit with a certificate asks.
    nonisolated let unitNames: NIOLockedValueBox<[UnitID: String]>
    /// How far the present version has come.
    private(set) var rollout: Rollout
    /// Includes removed units: their last versions stay in the rollout.
    private var names: UnitNames
    private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var waiterCount: UInt64 = 0
    /// When `true`, no long poll waits: it would delay the shutdown.
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
        self.unitNames = NIOLockedValueBox(Self.names(of: self.config))
        self.rollout = Rollout(version: self.push.version, units: self.config.units.map(\.id))
        self.names = UnitNames(self.config)
    }

    private static func names(of config: SaleConfig) -> [UnitID: String] {
        Dictionary(config.units.map { ($0.id, $0.name) }) { $1 }
    }

    /// The configuration, its version and its rollout, at one moment.
    var state: (config: SaleConfig, version: Int, rollout: Rollout) { (self.config, self.push.version, self.rollout) }

    var rolloutDocument: RolloutDocument { RolloutDocument(self.rollout, self.names) }

    /// Makes a new version of what `body` makes of the current one.
    ///
    /// - Parameters:
    ///   - change: The kind of change, which says whether it is urgent.
    ///   - expected: The version that the caller has seen; `nil` if it does not matter.
    ///   - act: The operator's act, which is done once.
    /// - Throws: ``Problem``: `precondition_failed`, `invalid_config`, or what `body` throws. Nothing has changed then.
    @discardableResult
    func change(
        _ change: ConfigChange, expected: Int?, actor: String, note: String, act: OperatorAct?,
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
        let changed = self.config.saleChange(to: next)
        let line = AuditNote(
            at: version.at, actor: actor, action: "config", sale: changed.sale,
            detail: "version \(version.version): \(note)", before: changed.before, after: changed.after,
            key: act?.key ?? "")
        do throws(StorageError) {
            try self.keeper.store.append(version, act: act, note: line, as: self.keeper.epoch)
        } catch {
            throw self.keeper.problem(after: error)
        }
        self.config = next
        self.unitNames.withLockedValue { $0 = Self.names(of: next) }
        self.push = push
        self.names.add(next)
        self.rollout.begin(push.version, units: next.units.map(\.id), isUrgent: change.isUrgent)
        self.wake()
        return push
    }

    /// Notes the version that a unit reports as applied.
    func hear(_ unit: UnitID, applied version: Int) -> Rollout.Heard { self.rollout.hear(unit, applied: version) }

    /// Notes that a unit took a version that was pushed to it.
    func took(_ unit: UnitID, version: Int) { self.rollout.took(unit, version: version) }

    /// Notes that a unit refused a version that was pushed to it.
    func refused(_ unit: UnitID, version: Int, reason: String) {
        self.rollout.refused(Rollout.Refusal(unit: unit, reason: reason), version: version)
    }

    /// The version after `version`, or `nil` if there is none within the time, or if its rollout was stopped.
    func next(after version: Int, waitSeconds: Int) async -> ConfigPush? {
        if !self.rollout.isOffered(after: version), waitSeconds > 0, !self.isStopping,
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
        return self.rollout.isOffered(after: version) ? self.push : nil
    }

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
