import DaemonSupport
import Testing
import TrancheCore
import UnitServer

@Suite("Streams of an order's changes", .timeLimit(.minutes(1))) struct OrderWatchTests {
    private let order = OrderID(high: 1, low: 2)

    @Test("a stream without news gets a heartbeat; a stream without a reader is ended")
    func quietStreamHearsHeartbeat() async {
        let watch = OrderWatch(heartbeat: .milliseconds(5), telemetry: Telemetry())
        let beats = Task { try await watch.run() }
        defer { beats.cancel() }
        #expect(await self.hear(3, of: watch) == 3)
        #expect(watch.count == 0)
    }

    /// Reads this many heartbeats and ends; fewer if the test ends before.
    private func hear(_ count: Int, of watch: OrderWatch) async -> Int {
        var heard = 0
        for await signal in watch.changes(of: self.order)! {
            #expect(signal == .heartbeat)
            heard += 1
            if heard == count { break }
        }
        return heard
    }

    @Test("a change reaches the streams of its order only") func changeWakesItsOrderOnly() async {
        let watch = OrderWatch(heartbeat: .seconds(600), telemetry: Telemetry())
        var mine = watch.changes(of: self.order)!.makeAsyncIterator()
        let other = watch.changes(of: OrderID(high: 9, low: 9))!
        watch.wake([self.order])
        #expect(await mine.next() == .changed)
        #expect(watch.count == 2)
        withExtendedLifetime(other) {}
    }

    @Test("one order has a limit of streams, and all streams have at most half of the listener's connections")
    func streamsHaveTheirShare() {
        let watch = OrderWatch(connections: 40, telemetry: Telemetry())
        let mine = (0..<OrderWatch.streamsPerOrder).compactMap { _ in watch.changes(of: self.order) }
        let others = (0..<40).compactMap { watch.changes(of: OrderID(high: 0, low: UInt64($0))) }
        withExtendedLifetime((mine, others)) {
            #expect(mine.count == OrderWatch.streamsPerOrder && watch.changes(of: self.order) == nil)
            #expect(mine.count + others.count == 20)
        }
    }

    @Test("one stream more than the limit is refused, and the text of the metrics says how many there are")
    func streamAboveLimitIsRefused() {
        let telemetry = Telemetry()
        let watch = OrderWatch(telemetry: telemetry)
        let streams = (0..<OrderWatch.streamsLimit).compactMap { watch.changes(of: OrderID(high: 0, low: UInt64($0))) }
        withExtendedLifetime(streams) {
            #expect(streams.count == OrderWatch.streamsLimit)
            #expect(watch.changes(of: self.order) == nil)
            #expect(telemetry.text.contains("tranche_event_streams \(Double(OrderWatch.streamsLimit))"))
        }
    }

    @Test("every stream can be woken, so that it sees that it must end") func allAreWoken() async {
        let watch = OrderWatch(heartbeat: .seconds(600), telemetry: Telemetry())
        var streams = [self.order, OrderID(high: 9, low: 9)].map { watch.changes(of: $0)!.makeAsyncIterator() }
        watch.wakeAll()
        for index in streams.indices { #expect(await streams[index].next() == .changed) }
    }
}
