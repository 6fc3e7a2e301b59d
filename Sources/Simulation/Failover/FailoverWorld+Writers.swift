import TrancheCore

// What the processes do: as the product's shell does it, one call at a time.

extension FailoverWorld {
    mutating func startProcess() {
        self.processes += 1
        self.writers.append(FailoverWriter(number: self.processes))
        self.say("process \(self.processes) begins")
    }

    mutating func act(_ index: Int) {
        guard self.step >= self.writers[index].pausedUntil else { return }
        if let call = self.writers[index].call {
            if self.step - call.at > Self.patience { self.giveUp(index) }
            return
        }
        guard let connection = self.writers[index].connection else { return self.connect(index) }
        switch self.writers[index].belief.state {
        case .nothing: self.writers[index].drop()
        case .behindBarrier: self.read(index, connection)
        case .read:
            self.calls += 1
            let commit = self.writers[index].next(
                self.calls, entries: UInt64(self.random.number(1...3)), isCeiling: self.random.happens(permille: 100))
            self.send(index, connection, commit)
        }
    }

    private mutating func send(
        _ index: Int, _ connection: (node: Int, run: Int), _ commit: ReplicatedServers.Commit?
    ) {
        self.calls += 1
        self.writers[index].call = (self.calls, commit, self.step)
        self.network.append(
            .init(call: self.calls, node: connection.node, run: connection.run, commit: commit))
        self.say("process \(self.writers[index].number) sends \(Self.name(commit)) to \(connection.node)")
    }

    static func name(_ commit: ReplicatedServers.Commit?) -> String {
        commit.map { "commit \($0.number), from \($0.last.position) to \($0.head.position)," } ?? "a barrier"
    }

    /// Connects to a server that accepts writes; there may be two.
    private mutating func connect(_ index: Int) {
        let primaries = self.servers.nodes.indices.filter {
            self.servers.nodes[$0].isUp && self.servers.nodes[$0].isPrimary
        }
        guard !primaries.isEmpty else { return }
        let node = primaries[self.random.number(0...(primaries.count - 1))]
        let connection = (node, self.servers.nodes[node].run)
        self.writers[index].connection = connection
        if self.plant == .noBarrier { self.passBarrier(index, node) } else { self.send(index, connection, nil) }
    }

    mutating func passBarrier(_ index: Int, _ node: Int) {
        if self.writers[index].isNew {
            self.writers[index].opened(self.servers.nodes[node].end)
        } else {
            self.writers[index].belief.barrierConfirmed()
        }
    }

    private mutating func read(_ index: Int, _ connection: (node: Int, run: Int)) {
        var node = self.servers.nodes[connection.node]
        guard node.isUp, node.run == connection.run else { return self.lose(index) }
        if self.plant == .readFromReplica, let other = self.servers.nodes.first(where: { $0.isUp && !$0.isPrimary }) {
            node = other
        }
        let known = self.writers[index].belief.known
        let finding = self.writers[index].belief.compare(node.end, head: { node.head(at: $0) })
        self.say(
            "process \(self.writers[index].number) finds \(node.end.position), knows \(known.position): \(finding)")
        switch finding {
        case .asKnown, .kept:
            if self.writers[index].unfound.contains(node.end) {
                self.mark("a commit in doubt arrived behind the barrier")
            }
            if self.plant == .doubtForgotten { self.writers[index].belief = LedgerBelief(node.end) }
            self.writers[index].belief.believe(node.end)
            self.writers[index].unfound = self.writers[index].belief.doubtful.filter { $0 != node.end }
            (self.writers[index].incarnation, self.writers[index].hasBegun) = (node.incarnation + 1, false)
        case .superseded: self.end(index)
        case .diverged:
            self.judge.diverged(known, self.servers.nodes[self.leader])
            self.mark("the wrong standby was found out")
            self.lose(index)
        }
    }

    /// A newer process has the ledger.
    mutating func end(_ index: Int) {
        let writer = self.writers[index]
        self.judge.superseded(
            writer.number, knew: writer.belief.known.position, newest: self.processes, self.servers.nodes)
        self.mark("an older process was shut out")
        self.remove(index)
    }

    mutating func remove(_ index: Int) {
        if let commit = self.writers[index].call?.commit { self.judge.doubted(commit) }
        self.say("process \(self.writers[index].number) ends")
        self.writers.remove(at: index)
        if self.writers.isEmpty { self.startProcess() }
    }

    /// The connection is gone, and no commit is under way.
    private mutating func lose(_ index: Int) {
        self.writers[index].belief.lost()
        self.writers[index].drop()
    }
}
