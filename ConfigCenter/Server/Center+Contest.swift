import DaemonSupport
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

// What the center does for contests: leaders, and the log of decisions.

extension Center {
    /// Gives a coordinator the lead, unless another one is alive, and tells the units at once.
    func lead(_ body: LeadBody) async throws(Problem) -> Leadership {
        let (epoch, units) = try await self.keeper.perform {
            (authority, records) throws(Problem) -> (Epoch, [UnitID]) in
            do throws(AuthorityError) {
                let epoch = try authority.lead(url: body.url, now: SystemClock.monotonic(), into: &records)
                return (epoch, authority.book.units.keys.sorted())
            } catch { throw Problem(error) }
        }
        await self.tell(units)
        return Leadership(epoch: epoch)
    }

    /// Takes in the leading coordinator's heartbeat.
    func hear(_ coordinator: CoordinatorAddress) async throws(Problem) {
        try await self.keeper.perform { (authority, _) throws(Problem) in
            guard authority.hear(coordinator: coordinator, now: SystemClock.monotonic()) else {
                throw Problem(
                    AuthorityError.staleEpoch(coordinator.epoch, current: authority.book.coordinatorEpoch))
            }
        }
    }

    /// The quota for a coordinator. The call also counts as its heartbeat.
    ///
    /// - Parameter number: Of the last answer that the coordinator has.
    func quota(for coordinator: CoordinatorAddress, heldBy number: UInt64?) async throws(Problem) -> LeaderQuota {
        let config = await self.book.config
        return try await self.keeper.perform { (authority, _) throws(Problem) -> LeaderQuota in
            let now = SystemClock.monotonic()
            guard authority.hear(coordinator: coordinator, now: now) else {
                throw Problem(
                    AuthorityError.staleEpoch(coordinator.epoch, current: authority.book.coordinatorEpoch))
            }
            let lots = LeaderQuota.lots(authority, config, wall: SystemClock.now(), now: now)
            let message = self.told.withLockedValue { $0.send(lots, heldBy: number) }
            let units = config.units.map {
                LeaderQuota.Unit(id: $0.id, name: $0.name, heardAt: authority.seen[$0.id]?.at)
            }
            return LeaderQuota(message, now: now, units: units)
        }
    }

    /// A page of a contest for the leader, from an item on.
    ///
    /// - Parameter batches: The batch of the first page; `nil` for the first page itself.
    func contestPage(
        _ lot: LotID, for epoch: Epoch, from first: Int, batches: UInt64?
    ) async throws(Problem) -> ContestPageEnvelope {
        let sale = await self.book.config.sale(of: lot)
        guard let sale, let secret = try self.secret(of: sale) else {
            throw Problem(status: 409, code: "no_secret", detail: "the secret of the sale of lot \(lot) is missing")
        }
        let page = try await self.keeper.perform { (authority, _) throws(Problem) -> ContestPage in
            do throws(AuthorityError) {
                return try authority.contestPage(lot, for: epoch, from: first, batches: batches)
            } catch { throw Problem(error) }
        }
        return ContestPageEnvelope(page: page, tieSecret: secret)
    }

    /// A page of earlier verdicts for the leader.
    func verdicts(
        _ lot: LotID, of unit: UnitID, for epoch: Epoch, from number: Int
    ) async throws(Problem) -> VerdictPage {
        let verdicts = try await self.keeper.perform { (authority, _) throws(Problem) -> [Verdict] in
            do throws(AuthorityError) {
                return try authority.verdicts(lot, of: unit, for: epoch, from: number)
            } catch { throw Problem(error) }
        }
        return VerdictPage(lot: lot, unit: unit, from: number, verdicts: verdicts)
    }

    func record(_ lot: LotID, _ command: ContestCommand) async throws(Problem) -> ContestAck {
        try await self.keeper.perform { (authority, records) throws(Problem) -> ContestAck in
            do throws(AuthorityError) {
                let (pool, coming, mayReturn) = try authority.record(
                    lot, command.batch, by: command.epoch, now: SystemClock.monotonic(), into: &records)
                return ContestAck(pool: pool, coming: coming, mayReturn: mayReturn)
            } catch { throw Problem(error) }
        }
    }
}
