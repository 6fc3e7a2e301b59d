import TrancheCore

// What goes wrong, and who mends it.

extension FailoverWorld {
    mutating func makeFault() {
        switch self.random.index(weights: [12, 6, 8, 8, 6, 5, 6, 40]) {
        case 0: self.failOver()
        case 1: self.crashPrimary()
        case 2: self.cancelWait()
        case 3: self.breakConnection()
        case 4: self.loseStandby()
        case 5: self.addProcess()
        case 6: self.pauseProcess()
        default: self.mend()
        }
    }

    private var standbys: [Int] { self.servers.nodes.indices.filter { self.isStandby($0) } }

    private mutating func failOver() {
        guard self.right == nil else { return }
        if self.random.happens(permille: 300) { self.failOverCarelessly() } else { self.failOverWell() }
    }

    /// Both standbys are asked, and stop to confirm for the old primary: one of them has what was confirmed. The old
    /// primary may live on.
    private mutating func failOverWell() {
        let (old, standbys) = (self.leader, self.standbys)
        guard standbys.count == 2 else { return }
        if self.random.happens(permille: 700) { self.servers.crash(old) } else { self.mark("the old primary lived on") }
        for standby in standbys { self.servers.detach(standby) }
        let isFirst = self.servers.nodes[standbys[0]].log.count > self.servers.nodes[standbys[1]].log.count
        self.promote(isFirst ? standbys[0] : standbys[1], followed: isFirst ? standbys[1] : standbys[0])
    }

    /// Any standby is promoted. If it lacks what was confirmed, the process that knows it is the only one: another one
    /// would begin with whatever it finds, and only the center's witness would find that out.
    private mutating func failOverCarelessly() {
        let (old, standbys) = (self.leader, self.standbys)
        guard !standbys.isEmpty else { return }
        let place = self.random.number(0...(standbys.count - 1))
        let chosen = standbys[place]
        if !self.judge.hasAll(self.servers.nodes[chosen]) {
            guard self.writers.count == 1, self.judge.knowsAll(self.writers[0].belief) else { return }
            self.right = old
            self.mark("the wrong standby was promoted")
        }
        self.servers.crash(old)
        self.promote(chosen, followed: standbys.count == 2 ? standbys[1 - place] : nil)
    }

    private mutating func promote(_ node: Int, followed other: Int?) {
        self.say("\(node) is promoted\(self.right == nil ? "" : ", the wrong one"); \(other ?? -1) follows")
        self.servers.promote(node)
        if let other { self.servers.follow(other, node) }
        self.leader = node
        self.failovers += 1
    }

    private mutating func crashPrimary() {
        self.say("the primary \(self.leader) crashes")
        self.servers.crash(self.leader)
    }

    private mutating func cancelWait() {
        let node = self.random.number(0...(ReplicatedServers.count - 1))
        guard self.servers.nodes[node].waiting != nil else { return }
        self.say("a wait at \(node) is cancelled")
        self.mark("a wait was cancelled")
        self.servers.cancelWait(node)
    }

    /// The process sees the end of its connection; what it has sent may still arrive.
    private mutating func breakConnection() {
        let index = self.random.number(0...(self.writers.count - 1))
        if self.plant != .cancelWaitingCommit { self.giveUp(index) }
    }

    private mutating func loseStandby() {
        let standbys = self.standbys
        guard !standbys.isEmpty else { return }
        self.servers.crash(standbys[self.random.number(0...(standbys.count - 1))])
        self.mark("a standby was away")
    }

    /// Another process of the ledger begins, beside the one that there is or in place of it.
    private mutating func addProcess() {
        guard self.right == nil, self.writers.count < 2 else { return }
        self.startProcess()
        if self.random.happens(permille: 500) { self.remove(0) } else { self.mark("two processes of one ledger") }
    }

    private mutating func pauseProcess() {
        let index = self.random.number(0...(self.writers.count - 1))
        self.writers[index].pausedUntil = self.step + self.random.number(20...400)
    }

    /// Mends one thing, the primary first. Behind the right one, a standby must have caught up before the next failover:
    /// those that have followed the wrong one have dropped what was confirmed.
    mutating func mend() {
        if let right, right != self.leader {
            self.say("\(right) is the primary again")
            self.servers.crash(self.leader)
            self.servers.start(right)
            self.leader = right
        } else if !self.servers.nodes[self.leader].isUp {
            self.mark("a killed primary came back as itself")
            self.servers.start(self.leader)
        } else if let node = self.servers.nodes.indices.first(where: { $0 != self.leader && !self.isStandby($0) }) {
            self.say("\(node) follows \(self.leader)")
            self.servers.follow(node, self.leader)
        } else if self.standbys.contains(where: { self.judge.hasAll(self.servers.nodes[$0]) }) {
            self.right = nil
        }
    }

    private func isStandby(_ node: Int) -> Bool {
        self.servers.nodes[node].isUp && self.servers.nodes[node].follows == self.leader
    }
}
