import Testing
import TrancheCore

@Suite("Rollout of a configuration") struct RolloutTests {
    private static let units = [UnitID(1), UnitID(2), UnitID(3)]

    /// Version 1 is everywhere; version 2 begins.
    private func rollout(isUrgent: Bool) -> Rollout {
        var rollout = Rollout(version: 1, units: Self.units)
        for unit in Self.units { rollout.took(unit, version: 1) }
        rollout.begin(2, units: Self.units, isUrgent: isUrgent)
        return rollout
    }

    private func refusal(_ unit: UInt16) -> Rollout.Refusal { .init(unit: UnitID(unit), reason: "invalid_config") }

    @Test("a refusal stops an ordinary version, until a newer one replaces it") func refusalStopsOrdinaryVersion() {
        var rollout = self.rollout(isUrgent: false)
        #expect(rollout.isOffered(after: 1) && !rollout.isOffered(after: 2))
        rollout.refused(self.refusal(1), version: 2)
        #expect(rollout.isStopped && !rollout.isOffered(after: 1))
        rollout.begin(3, units: Self.units, isUrgent: false)
        #expect(rollout.refusal == nil && rollout.isOffered(after: 1))
    }

    @Test("a late answer to an older push does not hide a later version") func lateAnswerHidesNothing() {
        var rollout = self.rollout(isUrgent: false)
        #expect(rollout.hear(UnitID(1), applied: 2) == .noted)
        rollout.took(UnitID(1), version: 1)
        #expect(rollout.applied[UnitID(1)] == 2)
    }

    @Test("a refusal of an older version, which comes late, stops nothing") func ignoresLateRefusal() {
        var rollout = self.rollout(isUrgent: false)
        rollout.refused(self.refusal(1), version: 1)
        #expect(!rollout.isStopped)
    }

    @Test("a pause continues after a unit's refusal") func pauseIsNotVetoed() {
        var rollout = self.rollout(isUrgent: true)
        rollout.refused(self.refusal(1), version: 2)
        #expect(rollout.refusal == self.refusal(1), "operators see it")
        #expect(!rollout.isStopped && rollout.isOffered(after: 1))
    }

    @Test(
        "a pause stays urgent in later versions until every unit has applied it, also after another unit's refusal"
    )
    func pauseStaysUrgentUntilApplied() {
        var rollout = self.rollout(isUrgent: true)
        rollout.took(UnitID(1), version: 2)
        rollout.begin(3, units: Self.units, isUrgent: false)
        rollout.refused(self.refusal(1), version: 3)
        #expect(!rollout.isStopped, "units 2 and 3 sell on, and hear of the pause with version 3 only")
        #expect(rollout.hear(UnitID(2), applied: 2) == .noted)
        #expect(!rollout.isStopped, "unit 3 sells on")
        #expect(rollout.hear(UnitID(3), applied: 3) == .noted)
        #expect(rollout.isStopped, "every unit has the pause: the refusal counts again")
    }

    @Test("a later version that a unit has applied counts as the pause that it contains")
    func laterVersionCountsAsPause() {
        var rollout = self.rollout(isUrgent: true)
        rollout.begin(3, units: Self.units, isUrgent: false)
        for unit in Self.units { rollout.took(unit, version: 3) }
        #expect(!rollout.isUrgent)
    }

    @Test("the pause does not stay urgent for a unit that refused it, or a later version") func refusersDoNotHoldUp() {
        for refused in [2, 3] {
            var rollout = self.rollout(isUrgent: true)
            if refused == 2 { rollout.refused(self.refusal(3), version: 2) }
            rollout.begin(3, units: Self.units, isUrgent: false)
            if refused == 3 { rollout.refused(self.refusal(3), version: 3) }
            for unit in Self.units.dropLast() { rollout.took(unit, version: 2) }
            #expect(!rollout.isUrgent)
        }
    }

    @Test("a refusal before the pause does not count as a refusal of the pause")
    func earlierRefusalDoesNotCount() {
        var rollout = self.rollout(isUrgent: true)
        rollout.refused(self.refusal(3), version: 1)
        rollout.begin(3, units: Self.units, isUrgent: false)
        for unit in Self.units.dropLast() { rollout.took(unit, version: 2) }
        #expect(rollout.isUrgent)
    }

    @Test("a newer urgent version drops the refusals of the one before") func forgetsRefusers() {
        var rollout = self.rollout(isUrgent: true)
        rollout.refused(self.refusal(3), version: 2)
        rollout.begin(3, units: Self.units, isUrgent: true)
        rollout.begin(4, units: Self.units, isUrgent: false)
        for unit in Self.units.dropLast() { rollout.took(unit, version: 3) }
        #expect(rollout.isUrgent, "unit 3 has said nothing of the newer one")
        rollout.refused(self.refusal(1), version: 4)
        #expect(!rollout.isStopped)
    }

    @Test("the pause does not stay urgent for a removed unit") func removedDoesNotHoldUp() {
        var rollout = self.rollout(isUrgent: true)
        for unit in Self.units.dropLast() { rollout.took(unit, version: 2) }
        rollout.begin(3, units: Self.units.dropLast(), isUrgent: false)
        #expect(!rollout.isUrgent)
        #expect(rollout.hear(UnitID(3), applied: 3) == .unknown)
    }

    @Test("a unit's report of a version that was never made is detected, and not noted") func unknownVersionIsDetected()
    {
        var rollout = self.rollout(isUrgent: false)
        #expect(rollout.hear(UnitID(1), applied: 3) == .ahead)
        #expect(rollout.applied[UnitID(1)] == 1)
    }

    @Test("a change is urgent if it stops sales, or if units must have it before the center acts on it; no other is")
    func stoppingOrPrerequisiteChangeIsUrgent() {
        let urgent: [ConfigChange] = [
            .step(.pause), .step(.close), .saleEdited(isPressing: true), .moreStock, .unitRemoved,
            .buyersBlocked, .tokensRevoked, .sameRules,
        ]
        let ordinary: [ConfigChange] = [
            .step(.warm), .step(.open), .step(.resume), .step(.settle), .saleEdited(isPressing: false), .rollback,
            .unitAnnounced, .saleCreated, .saleDeleted, .stepHeld, .variants, .stage,
        ]
        #expect(urgent.allSatisfy(\.isUrgent) && !ordinary.contains(where: \.isUrgent))
    }
}
