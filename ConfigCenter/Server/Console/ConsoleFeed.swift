import DaemonSupport
import NIOConcurrencyHelpers
import NIOCore
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// Makes one picture a second for all watchers, while there are any.
///
/// A watcher that reads slowly skips pictures: only the newest one waits for it.
final class ConsoleFeed: Service {
    /// Watchers at a time; one more is refused.
    static let watchersLimit = 256
    static let everyMilliseconds = 1_000

    private struct State {
        var count: UInt64 = 0
        var watchers: [UInt64: AsyncStream<ByteBuffer>.Continuation] = [:]
        var isFinished = false
    }
    private let state = NIOLockedValueBox(State())
    private let seat: CenterSeat
    private let telemetry: Telemetry

    init(seat: CenterSeat, telemetry: Telemetry) { (self.seat, self.telemetry) = (seat, telemetry) }

    /// The pictures from now on, as events (WHATWG HTML, section 9.2).
    ///
    /// - Throws: ``Problem`` with code `too_many_watchers`, or `not_leading`.
    func watch() throws(Problem) -> AsyncStream<ByteBuffer> {
        _ = try self.seat.center
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self, bufferingPolicy: .bufferingNewest(1))
        let isTaken = self.state.withLockedValue { state in
            guard state.watchers.count < Self.watchersLimit, !state.isFinished else { return false }
            state.count += 1
            let number = state.count
            // Before anybody can end it.
            continuation.onTermination = { _ in self.remove(number) }
            state.watchers[number] = continuation
            return true
        }
        guard isTaken else {
            throw Problem(
                status: 503, code: "too_many_watchers",
                detail: "\(Self.watchersLimit) watchers follow the console already: close a window", retryAfter: 5)
        }
        self.setGauge()
        return stream
    }

    private func remove(_ number: UInt64) {
        self.state.withLockedValue { _ = $0.watchers.removeValue(forKey: number) }
        self.setGauge()
    }

    private func setGauge() {
        let count = self.state.withLockedValue { $0.watchers.count }
        self.telemetry.set(
            "tranche_console_watchers", "Streams of the operators' console that are open.", to: Double(count))
    }

    /// Makes pictures until graceful shutdown. Then it ends every stream, because long streams would delay the
    /// shutdown.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            // The paces of an interval without watchers would be averages of it.
            var rates = ConsoleRates()
            while !Task.isCancelled {
                if self.state.withLockedValue({ $0.watchers.isEmpty }) {
                    rates = ConsoleRates()
                } else {
                    await self.show(&rates)
                }
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
        self.state.withLockedValue { $0.isFinished = true }
        self.endAll()
    }

    private func show(_ rates: inout ConsoleRates) async {
        // Watchers ask again, and are told who leads.
        guard let center = try? self.seat.center else { return self.endAll() }
        let event: ByteBuffer
        do throws(Problem) {
            var picture = try await center.picture()
            picture.fill(from: &rates, now: SystemClock.monotonic())
            self.telemetry.count(
                "tranche_console_pictures_total", "Pictures that were made for the operators' console.")
            event = Self.event("picture", JSON.encode(picture))
        } catch { event = Self.event("trouble", error.json) }
        for watcher in self.all { watcher.yield(event) }
    }

    private static func event(_ name: String, _ json: [UInt8]) -> ByteBuffer {
        var event = ByteBuffer(string: "event: \(name)\ndata: ")
        event.writeBytes(json)
        event.writeString("\n\n")
        return event
    }

    private func endAll() { for watcher in self.all { watcher.finish() } }

    private var all: [AsyncStream<ByteBuffer>.Continuation] {
        self.state.withLockedValue { Array($0.watchers.values) }
    }
}

extension Center {
    /// What there is to see now.
    func picture() async throws(Problem) -> ConsolePicture {
        let (config, _, rollout) = await self.book.state
        let (now, clocks) = (SystemClock.monotonic(), self.clocks.withLockedValue { $0 })
        let loads = self.loads.withLockedValue { loads in
            Dictionary(uniqueKeysWithValues: config.units.map { ($0.id, loads.figures(of: [$0.id], now: now)) })
        }
        let known = ConsolePicture.Knowledge(
            config: config, rollout: rollout, clocks: clocks, loads: loads, alarms: self.keeper.alarms,
            leadingSince: self.leadingSince)
        var picture = try await self.keeper.perform { authority, _ in
            ConsolePicture(authority, known, wall: SystemClock.now(), now: SystemClock.monotonic())
        }
        let differing = config.sales.filter { $0.staged != nil || $0.variants?.isEmpty == false }
        for sale in differing.suffix(ConsolePicture.rulesLimit) {
            // A sale that was deleted meanwhile has no rules to show.
            if let rules = try? await self.rulesDocument(of: sale.id) { picture.rules.append(rules) }
        }
        picture.proposals = await self.approvals.open
        return picture
    }
}
