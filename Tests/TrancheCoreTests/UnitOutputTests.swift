import Testing
import TrancheCore

@Suite("The output of a unit's machine") struct UnitOutputTests {
    /// A disk that refuses every write.
    private final class FullDisk: UnitShell {
        struct Full: Error {}
        var steps: [String] = []
        func send(_ steps: JoinedSteps) { self.steps.append("step") }
        func commit(_ entries: [LedgerEntry]) throws(Full) { throw Full() }
        func publish(_ publications: ArraySlice<Publication>) { self.steps.append("publish \(publications.count)") }
        func perform(_ effect: UnitEffect) { self.steps.append("effect") }
    }

    private func request(_ number: UInt64, _ now: Instant) -> BuyRequest {
        BuyRequest(
            Purchase(
                order: OrderID(high: 7, low: number), buyer: BuyerID("b\(number)")!, lot: Bench.lot, quantity: 1,
                issuedAt: now), stamp: Stamp(rawValue: Stamp(now).rawValue + number), ticket: number)
    }

    /// One round in which the step of two orders is confirmed, two requests come, one of them for too many, and a report
    /// is due.
    private func busyRound() -> UnitOutput {
        let bench = Bench(granted: 5)
        var (machine, first) = (bench.machine, UnitOutput())
        machine.handle(
            .requests([self.request(1, bench.now), self.request(2, bench.now)]), now: bench.now, into: &first)
        let step = Recorder(first).redisSteps[0]
        var output = UnitOutput()
        machine.handle(.redisResult(lot: Bench.lot, fence: step.fence, .stepped), now: bench.now, into: &output)
        let tooMany = BuyRequest(
            Purchase(
                order: OrderID(high: 7, low: 9), buyer: BuyerID("b1")!, lot: Bench.lot, quantity: 2, issuedAt: bench.now
            ),
            stamp: Stamp(rawValue: Stamp(bench.now).rawValue + 9), ticket: 9)
        machine.handle(.requests([self.request(3, bench.now), tooMany]), now: bench.now, into: &output)
        machine.handle(.reportDue(nonce: 1), now: bench.now, into: &output)
        return output
    }

    @Test("a step starts beside the commit, confirmed orders wait for nothing, and all the rest follows the commit")
    func outputKeepsItsOrder() {
        #expect(Recorder(self.busyRound()).steps == ["step", "publish 2", "commit", "publish 1", "effect"])
    }

    @Test("nothing of an output follows its failed commit") func nothingFollowsAFailedCommit() {
        let disk = FullDisk()
        #expect(throws: FullDisk.Full.self) { try self.busyRound().carryOut(by: disk) }
        #expect(disk.steps == ["step", "publish 2"])
    }

    @Test("an admitted order has no answer in the output that decides it") func admissionIsNotAnsweredAtOnce() {
        let bench = Bench(granted: 5)
        var (machine, output) = (bench.machine, UnitOutput())
        machine.handle(.requests([self.request(1, bench.now)]), now: bench.now, into: &output)
        #expect(Recorder(output).steps == ["step", "commit"])
        #expect(output.entries.count == 1)
    }
}
