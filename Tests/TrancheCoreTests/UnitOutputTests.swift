import Testing
import TrancheCore

@Suite("The output of a unit's machine") struct UnitOutputTests {
    /// A disk that refuses every write.
    private final class FullDisk: UnitShell {
        struct Full: Error {}
        var steps: [String] = []
        func send(_ call: LotCall) { self.steps.append("call") }
        func commit(_ entries: [LedgerEntry]) throws(Full) { throw Full() }
        func publish(_ publications: ArraySlice<Publication>) { self.steps.append("publish") }
        func perform(_ effect: UnitEffect) { self.steps.append("effect") }
    }

    private func request(_ number: UInt64, _ now: Instant) -> BuyRequest {
        BuyRequest(
            order: OrderID(high: 7, low: number), buyer: BuyerID("b\(number)")!, lot: Bench.lot, quantity: 1,
            issuedAt: now, stamp: Stamp(rawValue: Stamp(now).rawValue + number), ticket: number)
    }

    /// One round in which one request is admitted, the next one comes, quota arrives and a report is due.
    private func busyRound() -> UnitOutput {
        let bench = Bench(granted: 5)
        var (machine, first) = (bench.machine, UnitOutput())
        machine.handle(.requests([self.request(1, bench.now)]), now: bench.now, into: &first)
        let call = Recorder(first).calls[0]
        var output = UnitOutput()
        machine.handle(
            .lotResult(
                lot: Bench.lot, fence: call.fence,
                .decided(verdicts: [.admitted], sequence: call.sequence + 1, available: 4, taken: 0)),
            now: bench.now, into: &output)
        machine.handle(.requests([self.request(2, bench.now)]), now: bench.now, into: &output)
        machine.handle(.reportDue(nonce: 1), now: bench.now, into: &output)
        return output
    }

    @Test("a call starts beside the commit; answers and reports follow it") func answersFollowTheCommit() {
        #expect(Recorder(self.busyRound()).steps == ["call", "commit", "publish 2", "effect"])
    }

    @Test("nothing follows a commit that failed") func nothingFollowsAFailedCommit() {
        let disk = FullDisk()
        #expect(throws: FullDisk.Full.self) { try self.busyRound().carryOut(by: disk) }
        #expect(disk.steps == ["call"])
    }

    @Test("a call that spends what the commit makes durable waits for it") func spendingCallsWaitForTheCommit() {
        let bench = Bench(granted: 5)
        var (machine, output) = (bench.machine, UnitOutput())
        machine.handle(.directives(bench.directives(granted: 9)), now: bench.now, into: &output)
        let said = Recorder(output)
        #expect(said.steps == ["commit", "effect"])
        #expect(said.calls.isEmpty)
    }
}
