import TrancheCore

// What the processes hear, or do not hear.

extension FailoverWorld {
    /// The answer is missing for too long, or the connection broke.
    mutating func giveUp(_ index: Int) {
        guard let call = self.writers[index].call, let node = self.writers[index].connection?.node else { return }
        if self.plant == .cancelWaitingCommit, self.servers.nodes[node].waiting?.call == call.number {
            return self.servers.cancelWait(node)
        }
        self.doubt(index, call.commit, "no answer")
    }

    private mutating func doubt(_ index: Int, _ commit: ReplicatedServers.Commit?, _ reason: String) {
        self.say("process \(self.writers[index].number): \(Self.name(commit)) is in doubt: \(reason)")
        if let commit {
            self.judge.doubted(commit)
            self.writers[index].belief.ended(.inDoubt, with: commit.head)
        }
        self.writers[index].drop()
    }

    /// Brings answers to their processes; some are lost.
    mutating func hear() {
        let answers = self.servers.answers
        self.servers.answers.removeAll(keepingCapacity: true)
        for (request, answer) in answers {
            guard let index = self.writers.firstIndex(where: { $0.call?.number == request.call }) else { continue }
            if self.isFaulty, self.random.happens(permille: 40) {
                if request.commit != nil { self.mark("a standby confirmed, and the answer was lost") }
                continue
            }
            self.hear(answer, to: request, index)
        }
    }

    private mutating func hear(_ answer: ReplicatedServers.Answer, to request: ReplicatedServers.Request, _ index: Int)
    {
        self.writers[index].call = nil
        switch answer {
        case .ended(let answer):
            if let doubt = answer.doubt, self.plant != .cancelWaitingCommit {
                return self.doubt(index, request.commit, doubt)
            }
            guard let commit = request.commit else { return self.passBarrier(index, request.node) }
            self.say("process \(self.writers[index].number): commit \(commit.number) is confirmed")
            self.writers[index].belief.ended(.confirmed, with: commit.head)
            self.judge.confirmed(commit)
            guard !self.writers[index].hasBegun else { return }
            self.writers[index].hasBegun = true
            let (kept, lost) = self.judge.begun(self.servers.nodes[request.node])
            if kept > 0 { self.mark("a commit in doubt lasted") }
            if lost > 0 { self.mark("a commit in doubt did not last") }
        case .superseded: self.end(index)
        case .endsElsewhere:
            guard let commit = request.commit else { return }
            self.writers[index].belief.ended(.endsElsewhere, with: commit.head)
            self.writers[index].drop()
        }
    }
}
