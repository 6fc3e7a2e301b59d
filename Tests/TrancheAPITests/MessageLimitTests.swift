import Testing
import TrancheAPI
import TrancheCore

/// A peer with a valid credential may send any message. A value beyond a limit is refused before a rule reads it.
@Suite("Limits of messages") struct MessageLimitTests {
    /// The code of the refusal when `message` has been on the wire; `nil` if it is taken.
    private func code<Message: Codable>(_ message: Message) -> String? {
        do {
            _ = try JSON.decode(Message.self, from: JSON.encode(message))
            return nil
        } catch { return error.code }
    }

    private func head(_ position: UInt64) -> LedgerHead {
        LedgerHead(position: position, digest: ChainDigest(high: 0, low: 0))
    }

    private func request(
        generation: UInt32 = 1, incarnation: UInt64 = 1, position: UInt64 = 0, proof: UInt64 = 0, earlier: Int = 0
    ) -> RegisterRequest {
        RegisterRequest(
            unit: UnitID(1), ledger: LedgerID(.max), incarnation: Incarnation(incarnation),
            generation: Generation(generation), head: self.head(position), session: .max,
            answer: ChallengeAnswer(
                challenge: .max, proof: self.head(proof), earlier: Array(repeating: self.head(1), count: earlier)))
    }

    @Test("a registration is refused beyond its limits, and accepted at them") func registrationHasLimits() {
        #expect(
            self.code(
                self.request(
                    generation: Limits.generation, incarnation: Limits.incarnation, position: Limits.position,
                    proof: Limits.position, earlier: Limits.earlierAccounts)) == nil)
        for bad in [
            self.request(generation: Limits.generation + 1), self.request(generation: .max),
            self.request(incarnation: .max), self.request(position: .max), self.request(proof: .max),
            self.request(earlier: Limits.earlierAccounts + 1),
        ] {
            #expect(self.code(bad) == "invalid_message")
            let envelope = RegisterEnvelope(request: bad, name: "a", region: "b", publicURL: "c", internalURL: "d")
            #expect(self.code(envelope) == "invalid_message", "also within its envelope")
        }
        let long = RegisterEnvelope(
            request: self.request(), name: String(repeating: "x", count: Limits.urlBytes + 1), region: "b",
            publicURL: "c", internalURL: "d")
        #expect(self.code(long) == "invalid_message")
    }

    private func report(
        generation: UInt32 = 1, incarnation: UInt64 = 1, position: UInt64 = 1, lots: Int = 1, sold: Int = 0,
        proves: UInt64 = 0, earlier: UnitReport.Earlier? = nil
    ) -> UnitReport {
        UnitReport(
            unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(incarnation),
            generation: Generation(generation), session: 1, head: self.head(position), nonce: .max,
            lots: (0..<lots).map {
                .init(
                    lot: LotID(UInt32($0)), counters: QuotaCounters(sold: sold), offered: 0, starved: 0, hintDone: .max,
                    isPrimed: true, paid: 0)
            }, proves: proves, proof: nil, earlier: earlier.map { [$0] } ?? [])
    }

    @Test("a report is refused beyond its limits") func reportHasLimits() {
        #expect(self.code(self.report(sold: Limits.counter)) == nil)
        for bad in [
            self.report(generation: .max), self.report(incarnation: .max), self.report(position: .max),
            self.report(lots: Limits.lotsPerMessage + 1), self.report(sold: .max), self.report(sold: -1),
            self.report(proves: .max),
            self.report(earlier: .init(lot: LotID(1), generation: Generation(1), live: .max)),
            self.report(earlier: .init(lot: LotID(1), generation: Generation(.max), live: 0)),
        ] { #expect(self.code(bad) == "invalid_message") }
    }

    private func envelope(_ load: LoadFigures?) -> ReportEnvelope {
        ReportEnvelope(
            report: self.report(), configVersion: 1, clock: ClockDocument(ClockCheck(), refusedFences: 0), load: load)
    }

    @Test("a report without a load, of a unit that does not measure, is read") func loadIsOptional() throws {
        let text = String(decoding: JSON.encode(self.envelope(nil)), as: UTF8.self)
        #expect(!text.contains("load"), "the older form")
        #expect(try JSON.decode(ReportEnvelope.self, from: Array(text.utf8)).load == nil)
        let load = LoadFigures(capacityPerSecond: 8_000, waitingMilliseconds: 12, cpuPermille: 640)
        #expect(try JSON.decode(ReportEnvelope.self, from: JSON.encode(self.envelope(load))).load == load)
    }

    @Test("a load is refused beyond its limits") func loadHasLimits() {
        let most = CapacityEstimate.limits.upperBound
        #expect(
            self.code(
                self.envelope(LoadFigures(capacityPerSecond: most, waitingMilliseconds: 60_000, cpuPermille: 1_000)))
                == nil)
        for bad in [
            LoadFigures(capacityPerSecond: most + 1, waitingMilliseconds: 0, cpuPermille: 0),
            LoadFigures(capacityPerSecond: -1, waitingMilliseconds: 0, cpuPermille: 0),
            LoadFigures(capacityPerSecond: 1, waitingMilliseconds: 60_001, cpuPermille: 0),
            LoadFigures(capacityPerSecond: 1, waitingMilliseconds: 0, cpuPermille: 1_001),
        ] { #expect(self.code(self.envelope(bad)) == "invalid_message") }
    }

    private func directives(
        epoch: UInt64 = 1, generation: UInt32 = 1, witness: UInt64 = 1, keep: Int = 0, leader: UInt64 = 1
    ) -> QuotaDirectives {
        QuotaDirectives(
            epoch: Epoch(epoch), unit: UnitID(1), generation: Generation(generation),
            lots: [.init(lot: LotID(1), granted: 1, hint: ReclaimHint(number: .max, keep: keep), elsewhere: 0)],
            coordinator: CoordinatorAddress(epoch: Epoch(leader), url: "http://c"), witness: self.head(witness))
    }

    @Test("a message of the center is refused beyond its limits") func directivesHaveLimits() {
        #expect(self.code(self.directives()) == nil)
        for bad in [
            self.directives(epoch: .max), self.directives(generation: .max), self.directives(witness: .max),
            self.directives(keep: .max), self.directives(leader: .max),
        ] {
            #expect(self.code(bad) == "invalid_message")
            #expect(self.code(RegisterReply.accepted(bad)) == "invalid_message")
            #expect(self.code(RegisterReply.newGeneration(bad)) == "invalid_message")
            #expect(self.code(ReportReply.directives(bad)) == "invalid_message")
        }
        // The unit looks for these positions in its ledger, whose numbers have a sign.
        #expect(self.code(RegisterReply.proofRequired(position: .max, challenge: 1, earlier: [])) == "invalid_message")
        #expect(self.code(RegisterReply.proofRequired(position: 1, challenge: 1, earlier: [.max])) == "invalid_message")
        #expect(self.code(RegisterReply.proofRequired(position: 1, challenge: .max, earlier: [1])) == nil)
    }

    @Test("a message of a coordinator is refused beyond its limits") func commandsHaveLimits() {
        let lot = LotID(1)
        for (decision, expected): (Rebalancer.Decision, String?) in [
            (.grant(lot, UnitID(1), quantity: 1), nil), (.grant(lot, UnitID(1), quantity: .max), "invalid_message"),
            (.reclaim(lot, UnitID(1), keep: .max), "invalid_message"),
            (.contend(lot, ContestTerms(policy: .stamp, waitlist: .max)), "invalid_message"),
            (.contend(lot, ContestTerms(policy: .stamp, waitlist: -1)), "invalid_message"),
            (.contend(lot, ContestTerms(policy: .rounds(milliseconds: .max), waitlist: 1)), "invalid_message"),
            (.contend(lot, ContestTerms(policy: .bandLottery(microseconds: .min), waitlist: 1)), "invalid_message"),
            (.contend(lot, ContestTerms(policy: .rounds(milliseconds: 50), waitlist: 1)), nil),
        ] { #expect(self.code(QuotaCommands(epoch: Epoch(1), decisions: [decision])) == expected) }
        func batch(
            _ number: UInt64, quantity: Int = 1, uncertainty: Int64 = 1, index: Int? = 0
        ) -> ContestCommand {
            let place = Place(stamp: Stamp(rawValue: .max), tie: .max)
            let entrant = ContestBatch.Entrant(
                order: OrderID(high: 1, low: 1), unit: UnitID(1), generation: Generation(1), quantity: quantity,
                place: place, stamp: place.stamp, uncertainty: uncertainty, isLate: false, index: index)
            return ContestCommand(
                epoch: Epoch(1),
                batch: ContestBatch(
                    number: number, at: .distantFuture, frontier: place, passed: [entrant], allocated: [],
                    released: [], waited: []))
        }
        #expect(self.code(batch(1)) == nil)
        #expect(self.code(batch(1, index: nil)) == nil, "of an earlier version")
        for bad in [
            batch(.max), batch(1, quantity: .max), batch(1, quantity: 0), batch(1, uncertainty: -1),
            batch(1, index: -1), batch(1, index: Limits.candidateIndex + 1),
        ] {
            #expect(self.code(bad) == "invalid_message")
        }
    }

    @Test("a message of the center to a coordinator is refused beyond its limits") func leaderQuotaHasLimits() {
        func state(pool: Int = 1, offered: Int = 1, available: Int = -1, permille: Int = 100) -> LeaderQuota {
            let sample = Rebalancer.Sample(
                unit: UnitID(1), available: 1, offered: offered, starved: 0, heardAt: .distantFuture, isLive: true)
            let lot = LeaderQuota.Lot(
                lot: LotID(1), issued: 1, pool: pool, isFrozen: false, available: [available], samples: [sample],
                contestStart: .atShare(permille: permille), contestTerms: ContestTerms(policy: .stamp, waitlist: 0),
                contest: nil)
            var sent = SentValues<LotID, LeaderQuota.Lot>(after: 0)
            return LeaderQuota(sent.send([lot.lot: lot], heldBy: nil), now: .distantPast, units: [])
        }
        #expect(self.code(state()) == nil)
        for bad in [
            state(pool: .max), state(offered: .max), state(available: .min), state(permille: 1_001),
        ] { #expect(self.code(bad) == "invalid_message") }
    }

    @Test("the quota of an operator's command is refused beyond its limits") func quotaStateHasLimits() {
        func state(pool: Int = 1, available: Int = -1, members: Int = 1) -> QuotaState {
            let unit = QuotaState.Unit(
                unit: UnitID(1), generation: Generation(1), standing: "active", granted: 1, allocated: 0, returned: 0,
                available: available, live: 0, paid: 0, offered: 0, starved: 0, silentMilliseconds: nil)
            let generations = (0..<members).map { (UnitID(UInt16($0)), Generation(1)) }
            let stock = ContestMerge.Stock(
                batches: 0, pool: 0, mayReturn: 0, isClosed: false,
                members: Dictionary(uniqueKeysWithValues: generations))
            let lot = QuotaState.Lot(
                lot: LotID(1), issued: 1, pool: pool, stranded: 0, isFrozen: false, units: [unit], contest: stock,
                waitlisted: nil)
            return QuotaState(
                epoch: Epoch(1), coordinatorEpoch: Epoch(1), coordinatorURL: nil, now: .distantPast, lots: [lot])
        }
        #expect(self.code(state()) == nil)
        for bad in [state(pool: .max), state(available: .min), state(members: Limits.units + 1)] {
            #expect(self.code(bad) == "invalid_message")
        }
        #expect(self.code(ContestAck(pool: .max, coming: 0, mayReturn: 0)) == "invalid_message")
    }

    @Test("a contest report is refused beyond its limits") func contestReportHasLimits() {
        func report(
            generation: UInt32 = 1, epoch: UInt64 = 1, uncertainty: Int64 = 500, lots: [UInt32] = [1], count: Int = 1,
            index: Int = Limits.candidateIndex
        ) -> [UInt8] {
            let candidate = Candidate(
                index: index, order: OrderID(high: 1, low: 1), quantity: 1, stamp: Stamp(rawValue: .max),
                uncertainty: uncertainty)
            return ContestWire.encode(
                ContestReport(
                    unit: UnitID(1), generation: Generation(generation), epoch: Epoch(epoch), isTrusted: true,
                    lots: lots.map {
                        .init(
                            lot: LotID($0), base: 0, candidates: Array(repeating: candidate, count: count), end: 1,
                            watermark: Stamp(rawValue: .max), heard: 0)
                    }))
        }
        #expect(throws: Never.self) { try ContestWire.report(report()) }
        for bad in [
            report(generation: .max), report(epoch: .max), report(uncertainty: .max), report(uncertainty: -1),
            report(index: Limits.candidateIndex + 1),
            report(lots: [1, 2, 1]), report(lots: [1, 2, 3], count: Limits.candidatesPerReportInAll / 2),
        ] { #expect(throws: Problem.self) { try ContestWire.report(bad) } }
    }
}
