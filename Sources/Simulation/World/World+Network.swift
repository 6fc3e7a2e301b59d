import TrancheCore

/// A connection between two parties.
enum Node: Hashable {
    case people, provider, shop, center
    case unit(UnitID)
    case coordinator(Int)
}

/// One direction of a connection. The other direction may work when this one is cut or clogged.
struct Link: Hashable {
    let from: Node
    let to: Node
}

/// Broken links, and the end of each fault.
struct SimulatedNetwork {
    var cuts: [Link: Instant] = [:]
    var clogs: [Link: Instant] = [:]

    mutating func heal() {
        self.cuts = [:]
        self.clogs = [:]
    }
}

extension World {
    /// The network: it loses, repeats, delays, reorders, clogs and breaks.
    func send(_ message: Message) {
        let link = self.link(of: message)
        if !self.network.cuts.isEmpty, let until = self.network.cuts[link], until > self.now {
            return self.mark("message met a partition")
        }
        if self.random.happens(permille: self.profile.lossPermille) { return }
        var clog = 0
        if !self.network.clogs.isEmpty, let until = self.network.clogs[link], until > self.now {
            clog = Int(until.microseconds - self.now.microseconds)
        }
        let copies = self.random.happens(permille: self.profile.duplicatePermille) ? 2 : 1
        for _ in 0..<copies {
            self.schedule(
                .message(message), afterMicroseconds: clog + self.random.number(self.profile.delayMicroseconds))
        }
    }

    /// Cuts or clogs some directions: one link, all messages from one process, or all messages to it.
    func breakLinks() {
        let nodes =
            self.units.keys.map { Node.unit($0) } + [.center, .coordinator(0), .coordinator(1)]
        let one = nodes[self.random.number(0...nodes.count - 1)]
        let others: [Node] =
            self.random.happens(permille: 500) ? nodes : [nodes[self.random.number(0...nodes.count - 1)]]
        let isDeaf = self.random.happens(permille: 500)
        let isCut = self.random.happens(permille: 500)
        let until = self.now.advanced(milliseconds: Int64(self.random.number(100...5_000)))
        for other in others where other != one {
            let link = isDeaf ? Link(from: other, to: one) : Link(from: one, to: other)
            if isCut { self.network.cuts[link] = until } else { self.network.clogs[link] = until }
        }
        self.mark(isCut ? "one-way partition" : "link clogged")
    }

    private func link(of message: Message) -> Link {
        switch message {
        case .register(let request): Link(from: .unit(request.unit), to: .center)
        case .registerReply(let unit, _, _): Link(from: .center, to: .unit(unit))
        case .report(let report): Link(from: .unit(report.unit), to: .center)
        case .reportReply(let unit, _, _): Link(from: .center, to: .unit(unit))
        case .push(let directives, _): Link(from: .center, to: .unit(directives.unit))
        case .fromCoordinator(let number, _): Link(from: .coordinator(number), to: .center)
        case .toCoordinator(let number, _): Link(from: .center, to: .coordinator(number))
        case .contestReport(let unit, _, let report, _):
            Link(from: .unit(unit), to: .coordinator(self.leader(of: report.epoch)))
        case .contestReply(let unit, _, let reply, _, _):
            Link(from: .coordinator(self.leader(of: reply.epoch)), to: .unit(unit))
        case .buy(let buyer, _): Link(from: .people, to: .unit(self.buyers[buyer].unit))
        case .cancel(let buyer, _): Link(from: .people, to: .unit(self.buyers[buyer].orderedAt))
        case .answer(_, let unit, _, _): Link(from: .unit(unit), to: .people)
        case .callback(let number): Link(from: .provider, to: .unit(self.captures[number].unit))
        case .callbackAnswer(let number, _): Link(from: .unit(self.captures[number].unit), to: .provider)
        case .trade(let message): self.link(of: message)
        }
    }

    private func leader(of epoch: Epoch) -> Int {
        self.coordinators.firstIndex { $0.epoch == epoch } ?? 0
    }

    /// The unit in whose process an event runs, if it is a unit's event.
    func runs(_ event: Event) -> UnitID? {
        switch event {
        case .unitTick(let unit, _), .unitReport(let unit, _), .registerTimeout(let unit, _),
            .redisAnswer(let unit, _, _), .contestReportTick(let unit, _), .intake(let unit, _):
            unit
        case .message(let message):
            if case .unit(let unit) = self.link(of: message).to { unit } else { nil }
        case .trade(.relayTick(let unit, _)), .trade(.deliveryTimeout(let unit, _, _, _)): unit
        case .redis, .startUnit, .startCenter, .coordinatorTick, .contestTick, .buyer, .callbackDue, .fault,
            .faultsEnd, .addUnit, .settle, .trade:
            nil
        }
    }

    /// The process in which an event runs that is not a message.
    func process(of event: Event) -> (UnitID, session: UInt64)? {
        switch event {
        case .unitTick(let unit, let session), .unitReport(let unit, let session),
            .registerTimeout(let unit, let session), .redisAnswer(let unit, let session, _),
            .contestReportTick(let unit, let session), .intake(let unit, let session):
            (unit, session)
        default: nil
        }
    }
}
