import Foundation
import NIOConcurrencyHelpers
package import TrancheAPI
package import TrancheCore

/// The unit's copy of the configuration. The unit starts and sells from it when the center is away.
package final class ConfigFile: Sendable {
    private struct Applied {
        var push: ConfigPush
        var config: SaleConfig
    }
    private let path: String
    /// Whose rules count, where they differ; `nil` for a reader that has none of its own.
    private let unit: UnitID?
    private let applied: NIOLockedValueBox<Applied?>
    /// One version at a time, from its judgement to the moment when it is applied: otherwise an older one could be
    /// applied last.
    private let turn = NIOLockedValueBox(())
    /// By lot: which tokens its sale accepts, if these are not the ordinary ones.
    private let terms: NIOLockedValueBox<[LotID: TokenTerms]>
    private let withoutEvents: NIOLockedValueBox<Set<LotID>>
    /// Lots whose buyers may be referred to other units.
    private let branched: NIOLockedValueBox<Set<LotID>>
    private let apply: NIOLockedValueBox<@Sendable (SaleConfig) -> Void>

    /// Reads the copy, if there is one. A damaged copy counts as none: the center sends it again.
    ///
    /// - Parameter unit: The unit whose copy it is.
    package init(folder: String, unit: UnitID? = nil) {
        self.unit = unit
        self.path = folder + "/config.json"
        let read = FileManager.default.contents(atPath: self.path)
            .flatMap { try? JSON.decode(ConfigPush.self, from: $0) }
            .flatMap { push in (try? push.validated()).map { Applied(push: push, config: $0) } }
        self.applied = NIOLockedValueBox(read)
        self.apply = NIOLockedValueBox { _ in }
        self.terms = NIOLockedValueBox(read?.config.tokenTerms ?? [:])
        self.withoutEvents = NIOLockedValueBox(
            read.map { Self.withoutEvents($0.config, unit) } ?? [])
        self.branched = NIOLockedValueBox(read?.config.branchedLots ?? [])
    }

    package var version: Int { self.applied.withLockedValue { $0?.push.version ?? 0 } }
    /// Why a genuine token makes no order at `now`; `nil` if it may.
    package func refusal(of token: PurchaseToken, now: Instant) -> TokenError? {
        self.terms.withLockedValue { ($0[token.lot] ?? .ordinary).refusal(of: token, now: now) }
    }

    /// Whether new buyers of a lot may be referred to another unit.
    package func isBranched(_ lot: LotID) -> Bool { self.branched.withLockedValue { !$0.isEmpty && $0.contains(lot) } }

    /// Whether the changes of a lot's orders are streamed; an operator can switch that off.
    package func hasEvents(_ lot: LotID) -> Bool { !self.withoutEvents.withLockedValue { $0.contains(lot) } }

    package var config: SaleConfig { self.applied.withLockedValue { $0?.config ?? SaleConfig() } }

    /// The one unit where a buyer may buy a lot, among the units that its sale opened with; `nil` before that.
    func home(of buyer: BuyerID, lot: LotID) -> UnitID? {
        guard let homes = self.config.sale(of: lot)?.homes else { return nil }
        return HomeUnit.of(buyer, among: homes.values.flatMap { $0 })
    }

    package func onApply(_ body: @escaping @Sendable (SaleConfig) -> Void) { self.apply.withLockedValue { $0 = body } }

    /// Validates, writes, renames, applies, in this order. A repeated version is acknowledged again.
    ///
    /// - Throws: ``Problem``: `invalid_config`, `stale_config`, `stale_epoch`, or `storage` if it cannot be written.
    package func accept(_ push: ConfigPush) throws(Problem) {
        let config = try push.validated()
        try self.turn.withLockedValue { _ in
            Result { () throws(Problem) in try self.takeInTurn(push, config) }
        }.get()
    }

    private func takeInTurn(_ push: ConfigPush, _ config: SaleConfig) throws(Problem) {
        guard try Self.isNewer(push, than: self.applied.withLockedValue { $0?.push }) else { return }
        try self.write(push)
        self.applied.withLockedValue { $0 = Applied(push: push, config: config) }
        self.terms.withLockedValue { $0 = config.tokenTerms }
        let silent = Self.withoutEvents(config, self.unit)
        self.withoutEvents.withLockedValue { $0 = silent }
        self.branched.withLockedValue { $0 = config.branchedLots }
        self.apply.withLockedValue { $0 }(config)
    }

    private static func withoutEvents(_ config: SaleConfig, _ unit: UnitID?) -> Set<LotID> {
        (unit.map { config.seen(by: $0) } ?? config).lotsWithoutEvents
    }

    private static func isNewer(_ push: ConfigPush, than current: ConfigPush?) throws(Problem) -> Bool {
        guard let current else { return true }
        guard push.epoch >= current.epoch else {
            throw Problem(
                status: 409, code: "stale_epoch",
                detail: "epoch \(push.epoch.rawValue) is over; \(current.epoch.rawValue) was seen")
        }
        guard push.version - current.version <= Limits.jump,
            push.epoch.rawValue - current.epoch.rawValue <= UInt64(Limits.jump)
        else {
            throw Problem(
                status: 409, code: "config_jump",
                detail: "version \(push.version) of epoch \(push.epoch.rawValue) is more than \(Limits.jump) after "
                    + "version \(current.version) of epoch \(current.epoch.rawValue)")
        }
        guard push.version >= current.version else {
            throw Problem(
                status: 409, code: "stale_config", detail: "version \(push.version) is older than \(current.version)")
        }
        guard push.version > current.version || push.checksum == current.checksum else {
            throw Problem(
                status: 409, code: "stale_config", detail: "version \(push.version) has other content on this unit")
        }
        return push.version > current.version
    }

    private func write(_ push: ConfigPush) throws(Problem) {
        do {
            let temporary = self.path + ".new"
            try Data(JSON.encode(push)).write(to: URL(fileURLWithPath: temporary))
            try Self.sync(temporary)
            guard rename(temporary, self.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
            try Self.sync((self.path as NSString).deletingLastPathComponent)
        } catch {
            throw Problem(
                status: 507, code: "storage", detail: "\(self.path) cannot be written: \(error.localizedDescription)")
        }
    }

    private static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw CocoaError(.fileNoSuchFile) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
