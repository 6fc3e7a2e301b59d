import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import UnitServer

@Suite("A unit's copy of the configuration") struct ConfigFileTests {
    /// Versions in the order in which they were applied.
    private final class Applied: @unchecked Sendable {  // Guarded by the lock.
        private let lock = NSLock()
        private var starts: [Int64] = []
        var all: [Int64] { self.lock.withLock { self.starts } }
        func note(_ config: SaleConfig) {
            // A slow version must not be overtaken by a later one.
            usleep(UInt32.random(in: 0...2_000))
            self.lock.withLock { self.starts.append(config.sales[0].startsAtMilliseconds) }
        }
    }

    private let file: ConfigFile
    private let applied = Applied()
    private let folder: String

    init() throws {
        self.folder = try TemporaryFolder.make()
        self.file = ConfigFile(folder: self.folder)
        self.file.onApply { [applied] in applied.note($0) }
    }

    /// The version is in the content, so that a test can tell which one was applied.
    private static func push(_ version: Int, epoch: UInt64 = 1) -> ConfigPush {
        let lot = SaleConfig.Lot(id: LotID(1), name: "lot", stock: 10, perBuyerLimit: 1, poolPermille: 0)
        let sale = SaleConfig.Sale(
            id: "sale", name: "sale", startsAtMilliseconds: Int64(version),
            endsAtMilliseconds: 9_000_000_000, paymentWindowMilliseconds: 60_000, lots: [lot])
        var config = SaleConfig()
        config.sales = [sale]
        return ConfigPush(
            version: version, epoch: Epoch(epoch), content: String(decoding: JSON.encode(config), as: UTF8.self))
    }

    @Test("an older version is never applied after a newer one, also if many come at once")
    func olderVersionIsNeverAppliedLast() async throws {
        await withTaskGroup(of: Void.self) { group in
            for version in (1...60).shuffled() {
                group.addTask { [file] in try? file.accept(Self.push(version)) }
            }
        }
        let all = self.applied.all
        #expect(all == all.sorted() && all.last == 60)
        #expect(self.file.version == 60)
        #expect(ConfigFile(folder: self.folder).version == 60, "the file holds the same one")
    }

    @Test("a version that is being applied is not overtaken by the next one") func versionBeingAppliedIsNotOvertaken()
        throws
    {
        let applied = self.applied
        let (isApplying, isOvertaken) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        self.file.onApply { config in
            if config.sales[0].startsAtMilliseconds == 1 {
                isApplying.signal()
                // A version that waits for its turn does not come. One that does not wait has enough time to come
                // first.
                _ = isOvertaken.wait(timeout: .now() + .milliseconds(500))
            }
            applied.note(config)
            isOvertaken.signal()
        }
        let done = DispatchSemaphore(value: 0)
        Thread { [file] in
            try? file.accept(Self.push(1))
            done.signal()
        }.start()
        isApplying.wait()
        try self.file.accept(Self.push(2))
        done.wait()
        #expect(self.applied.all == [1, 2])
    }

    @Test("a version or an epoch far beyond the next one is refused, and changes nothing")
    func farJumpChangesNothing() throws {
        try self.file.accept(Self.push(5))
        let limit = Limits.jump
        for push in [Self.push(5 + limit + 1), Self.push(6, epoch: UInt64(limit) + 2)] {
            let problem = #expect(throws: Problem.self) { try self.file.accept(push) }
            #expect(problem?.code == "config_jump")
        }
        #expect(self.file.version == 5)
        try self.file.accept(Self.push(5 + limit, epoch: UInt64(limit) + 1))
        #expect(self.file.version == 5 + limit)
    }

    @Test("an older version, an older epoch and other content are refused; a repeated push is no error")
    func stalePushIsRefused() throws {
        try self.file.accept(Self.push(5, epoch: 3))
        try self.file.accept(Self.push(5, epoch: 3))
        #expect(self.applied.all == [5], "applied once")
        let other = ConfigPush(version: 5, epoch: Epoch(3), content: Self.push(4).content)
        for (push, code) in [
            (Self.push(4, epoch: 3), "stale_config"), (Self.push(9, epoch: 2), "stale_epoch"), (other, "stale_config"),
        ] {
            let problem = #expect(throws: Problem.self) { try self.file.accept(push) }
            #expect(problem?.code == code)
        }
        #expect(self.applied.all == [5])
    }

    @Test("a revocation and a blocked buyer count from the version that brings them, also after a restart")
    func tokenTermsComeWithVersion() throws {
        let now = Instant(milliseconds: 1_000)
        func push(_ version: Int, epoch: UInt32?, blocked: [String]? = nil) throws -> ConfigPush {
            var config = try JSON.decode(SaleConfig.self, from: Self.push(version).content.utf8)
            config.sales[0].revocationEpoch = epoch.map { RevocationEpoch($0) }
            config.sales[0].blocked = blocked?.compactMap { BuyerID($0) }
            return ConfigPush(
                version: version, epoch: Epoch(1), content: String(decoding: JSON.encode(config), as: UTF8.self))
        }
        func refusal(_ epoch: UInt32, _ file: ConfigFile, lot: UInt32 = 1) -> TokenError? {
            let token = PurchaseToken(
                order: OrderID(high: 1, low: 1), lot: LotID(lot), home: UnitID(1), buyer: BuyerID("ann")!,
                issuedAt: now, notBefore: now, expiresAt: now.advanced(milliseconds: 1), epoch: RevocationEpoch(epoch))
            return file.refusal(of: token, now: now)
        }
        let revoked = TokenError.revoked(.first, current: RevocationEpoch(1))
        #expect(refusal(0, self.file) == nil, "before the first configuration")
        try self.file.accept(push(1, epoch: nil))
        #expect(refusal(0, self.file) == nil)
        try self.file.accept(push(2, epoch: 1))
        #expect(refusal(0, self.file) == revoked && refusal(1, self.file) == nil)
        #expect(refusal(0, self.file, lot: 2) == nil, "another sale's lot")
        #expect(refusal(0, ConfigFile(folder: self.folder)) == revoked)
        #expect(throws: Problem.self) { try self.file.accept(push(1, epoch: nil)) }
        #expect(refusal(0, self.file) == revoked, "an older version does not lower the epoch")
        try self.file.accept(push(3, epoch: 1, blocked: ["ann"]))
        #expect(refusal(1, self.file) == .blocked)
        try self.file.accept(push(4, epoch: 1, blocked: []))
        #expect(refusal(1, self.file) == nil && refusal(0, self.file) == revoked)
    }

    @Test("events are on until an operator switches them off for a sale, also after a restart") func eventsAreSwitched()
        throws
    {
        func push(_ version: Int, events: Bool?) -> ConfigPush {
            let lots = [1, 2].map {
                SaleConfig.Lot(id: LotID($0), name: "x", stock: 9, perBuyerLimit: 1, poolPermille: 0)
            }
            let sales = zip(["a", "b"], lots).map { name, lot in
                SaleConfig.Sale(
                    id: name, name: name, startsAtMilliseconds: 1, endsAtMilliseconds: 10,
                    paymentWindowMilliseconds: 1_000, lots: [lot],
                    gate: name == "a" ? .init(switches: .init(events: events)) : nil)
            }
            let content = String(decoding: JSON.encode(SaleConfig(sales: sales)), as: UTF8.self)
            return ConfigPush(version: version, epoch: Epoch(1), content: content)
        }
        for (version, events) in [(1, nil), (2, true), (3, false)] as [(Int, Bool?)] {
            try self.file.accept(push(version, events: events))
            #expect(self.file.hasEvents(LotID(1)) == (events != false) && self.file.hasEvents(LotID(2)))
        }
        #expect(!ConfigFile(folder: self.folder).hasEvents(LotID(1)))
        try self.file.accept(push(4, events: nil))
        #expect(self.file.hasEvents(LotID(1)))
    }
}
