import TrancheCore

/// Several centers, a store, and everything between them that can go wrong: delays, lost answers, paused processes,
/// clocks that run and step as they like.
///
/// The centers append acts as the real ones do. The world judges the log that comes of it, and what callers were told.
struct LeaseWorld {
    /// A mistake in the store's conditions.
    enum Plant { case none, noEpoch, noFence }

    struct Record: Hashable { let epoch: Epoch; let center: Int; let act: Int }
    private struct Store {
        var row = CenterLease.Row(epoch: Epoch(0), holder: "", process: 0, beat: 0)
        /// Raised with the row's epoch, in the same transaction.
        var epoch = Epoch(0)
        var fence = 0
        var log: [Record] = []
    }
    private enum Request {
        case lease(CenterLease.Act)
        case append(Record, position: Int, fence: Int)
        /// A no-op under the epoch.
        case barrier(Epoch)
    }
    private enum Reply { case lease(CenterLease.Outcome), done, refused, head(position: Int, fence: Int) }
    private enum Event { case tick(Int), arrive(Int, call: Int, Request), reply(Int, call: Int, Reply) }

    private struct Center {
        var lease: CenterLease
        var clock: Int64
        var pausedUntil: Int64 = 0
        /// What it believes of its log, while it leads; `nil` before the barrier.
        var head: (position: Int, fence: Int)?
        /// The epoch that the head belongs to.
        var epoch = Epoch(0)
        /// The act that is under way, or in doubt.
        var act: Record?
        /// The numbers of the calls that it waits for, and since when.
        var leaseCall: (number: Int, at: Int64)?
        var logCall: (number: Int, at: Int64)?
    }

    private var draw: SeededDraw
    private let plant: Plant
    private var now: Int64 = 0
    private var events: [(at: Int64, order: Int, event: Event)] = []
    private var count = 0
    private var store = Store()
    private var centers: [Center] = []
    private var told: [Int: Bool] = [:]
    private var faulty = true
    /// Moments at which two centers believed that they lead.
    private(set) var rivalries = 0

    init(seed: UInt64, plant: Plant) {
        (self.draw, self.plant) = (SeededDraw(seed), plant)
        for number in 0..<(2 + self.draw.below(3)) {
            self.centers.append(
                Center(
                    lease: CenterLease(address: "http://c\(number)", process: UInt64(number + 1)),
                    clock: self.draw.below(1_000_000_000)))
            self.add(.tick(number), after: Int64(number))
        }
    }

    /// Runs with faults, and then without them.
    ///
    /// - Returns: What is wrong with the log, or with what callers were told; `nil` if nothing is.
    mutating func run(faultyMilliseconds: Int64 = 40_000, calmMilliseconds: Int64 = 12_000) -> String? {
        self.run(until: faultyMilliseconds)
        self.faulty = false
        let before = self.store.log.count
        self.run(until: faultyMilliseconds + calmMilliseconds)
        return self.finding(calm: self.store.log.count - before)
    }

    private mutating func run(until end: Int64) {
        while let next = self.events.indices.min(by: { self.isEarlier($0, $1) }), self.events[next].at <= end {
            let (at, _, event) = self.events.remove(at: next)
            self.now = max(self.now, at)
            self.handle(event)
            if self.centers.count(where: { if case .leading = $0.lease.role { true } else { false } }) > 1 {
                self.rivalries += 1
            }
        }
    }

    private func isEarlier(_ left: Int, _ right: Int) -> Bool {
        (self.events[left].at, self.events[left].order) < (self.events[right].at, self.events[right].order)
    }

    private mutating func add(_ event: Event, after milliseconds: Int64) {
        self.count += 1
        self.events.append((self.now + milliseconds, self.count, event))
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .arrive(let center, let call, let request):
            let reply = self.carryOut(request, of: center)
            if !self.faulty || self.draw.below(10) > 0 {
                self.add(.reply(center, call: call, reply), after: self.delay)
            }
        case .tick(let center), .reply(let center, _, _):
            // A paused process handles nothing; its calls are on their way meanwhile.
            let pausedUntil = self.centers[center].pausedUntil
            guard self.now >= pausedUntil else { return self.add(event, after: pausedUntil - self.now) }
            if case .reply(_, let call, let reply) = event { return self.hear(reply, call, at: center) }
            self.tick(center)
            self.add(.tick(center), after: 20)
        }
    }

    /// Most messages are quick; a few take seconds.
    private var delay: Int64 {
        mutating get {
            self.faulty && self.draw.below(20) == 0 ? self.draw.below(5_000 as Int64) : 1 + self.draw.below(20 as Int64)
        }
    }

    private mutating func tick(_ number: Int) {
        if self.faulty {
            switch self.draw.below(400) {
            case 0: self.centers[number].pausedUntil = self.now + self.draw.below(6_000 as Int64)
            case 1: self.centers[number].clock += self.draw.below(20_000 as Int64) - 10_000
            default: break
            }
        }
        let clock = Instant(milliseconds: self.centers[number].clock + self.now)
        if let call = self.centers[number].leaseCall, self.now - call.at > 1_000 {
            self.centers[number].leaseCall = nil
            self.centers[number].lease.ended(.noAnswer, now: clock)
        }
        if let act = self.centers[number].lease.next(now: clock) {
            self.centers[number].leaseCall = (self.send(.lease(act), from: number), self.now)
        }
        self.work(number)
    }

    private mutating func send(_ request: Request, from center: Int) -> Int {
        self.count += 1
        let call = self.count
        if !self.faulty || self.draw.below(20) > 0 { self.add(.arrive(center, call: call, request), after: self.delay) }
        return call
    }

    /// What a leading center does with its log: one call at a time.
    private mutating func work(_ number: Int) {
        guard case .leading(let epoch) = self.centers[number].lease.role else { return self.forget(number) }
        if self.centers[number].epoch != epoch {
            self.forget(number)
            self.centers[number].epoch = epoch
        }
        if let call = self.centers[number].logCall {
            guard self.now - call.at > 1_000 else { return }
            // In doubt: the barrier decides.
            (self.centers[number].logCall, self.centers[number].head) = (nil, nil)
        }
        guard let head = self.centers[number].head else {
            self.centers[number].logCall = (self.send(.barrier(epoch), from: number), self.now)
            return
        }
        self.count += 1
        let record = Record(epoch: epoch, center: number, act: self.count)
        self.centers[number].act = record
        let request = Request.append(record, position: head.position, fence: head.fence)
        self.centers[number].logCall = (self.send(request, from: number), self.now)
    }

    /// A center that stands by forgets what it has not committed; callers hear nothing certain.
    private mutating func forget(_ number: Int) {
        (self.centers[number].head, self.centers[number].act, self.centers[number].logCall) = (nil, nil, nil)
        self.centers[number].epoch = Epoch(0)
    }

    private mutating func hear(_ reply: Reply, _ call: Int, at number: Int) {
        if case .lease(let outcome) = reply {
            guard self.centers[number].leaseCall?.number == call else { return }
            self.centers[number].leaseCall = nil
            let clock = Instant(milliseconds: self.centers[number].clock + self.now)
            return self.centers[number].lease.ended(outcome, now: clock)
        }
        guard self.centers[number].logCall?.number == call else { return }
        self.centers[number].logCall = nil
        switch reply {
        case .lease: break
        case .refused:
            self.centers[number].lease.standDown()
            self.forget(number)
        case .done:
            if let act = self.centers[number].act { self.told[act.act] = true }
            self.centers[number].act = nil
            self.centers[number].head?.position += 1
        case .head(let position, let fence):
            // An act in doubt is the last one of the log, or it will never be in it.
            if let act = self.centers[number].act { self.told[act.act] = self.store.log.prefix(position).last == act }
            (self.centers[number].act, self.centers[number].head) = (nil, (position, fence))
        }
    }

    /// What the store does, in one transaction.
    private mutating func carryOut(_ request: Request, of center: Int) -> Reply {
        switch request {
        case .lease(.look): break
        case .lease(.beat(let epoch)): if self.store.row.epoch == epoch { self.store.row.beat += 1 }
        case .lease(.take(let seen)):
            guard self.store.row == seen else { break }
            self.store.row = CenterLease.Row(
                epoch: seen.epoch.next, holder: "http://c\(center)", process: UInt64(center + 1), beat: seen.beat + 1)
            self.store.epoch = seen.epoch.next
        case .append(let record, let position, let fence):
            let isCurrent = record.epoch == self.store.epoch || self.plant == .noEpoch
            guard isCurrent, position == self.store.log.count, fence == self.store.fence || self.plant == .noFence
            else {
                return .refused
            }
            self.store.log.append(record)
            return .done
        case .barrier(let epoch):
            guard epoch == self.store.epoch || self.plant == .noEpoch else { return .refused }
            self.store.fence += 1
            return .head(position: self.store.log.count, fence: self.store.fence)
        }
        return .lease(.row(self.store.row))
    }

    private func finding(calm: Int) -> String? {
        for (last, next) in zip(self.store.log, self.store.log.dropFirst()) {
            if next.epoch < last.epoch { return "epoch \(next.epoch) appended after epoch \(last.epoch)" }
            if next.epoch == last.epoch, next.center != last.center { return "two centers appended in \(next.epoch)" }
        }
        let acts = Set(self.store.log.map(\.act))
        for (act, isDone) in self.told where acts.contains(act) != isDone {
            return "act \(act): the caller heard \(isDone), the log says \(!isDone)"
        }
        let leaders = self.centers.count { if case .leading = $0.lease.role { true } else { false } }
        if leaders != 1 { return "\(leaders) centers lead without faults" }
        return calm > 0 ? nil : "nothing was appended without faults"
    }
}
