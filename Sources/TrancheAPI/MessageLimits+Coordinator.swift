package import TrancheCore

// Limits of the messages between coordinator and center, and between units and coordinator.

extension ContestTerms: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check("waitlist", self.waitlist, in: 0...Limits.waitlist)
        switch self.policy {
        case .bandLottery(let width):
            try Problem.check("width", width, in: 0...Limits.contestWindowMilliseconds * 1_000)
        case .rounds(let length): try Problem.check("length", length, in: 0...Limits.contestWindowMilliseconds)
        case .stamp, .arrival: break
        }
    }
}

extension ContestStart: LimitedMessage {
    package func checkLimits() throws(Problem) {
        if case .atShare(let permille) = self { try Problem.check("permille", permille, in: 0...1_000) }
    }
}

extension ContestMerge.Stock: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check("batches", self.batches, in: 0...Limits.batches)
        for (name, value) in [("pool", self.pool), ("coming", self.coming), ("mayReturn", self.mayReturn)] {
            try Problem.check(name, value, in: 0...Limits.counter)
        }
        try Problem.check("members", count: self.members.count, limit: Limits.units)
        for generation in self.members.values { try Problem.check(generation) }
    }
}

extension ContestAck: LimitedMessage {
    package func checkLimits() throws(Problem) {
        for (name, value) in [("pool", self.pool), ("coming", self.coming), ("mayReturn", self.mayReturn)] {
            try Problem.check(name, value, in: 0...Limits.counter)
        }
    }
}

extension ContestBatch.Entrant {
    func checkLimits() throws(Problem) {
        try Problem.check(self.generation)
        try Problem.check("quantity", self.quantity, in: 1...Limits.quantityPerOrder)
        try Problem.check("uncertainty", self.uncertainty, in: 0...Limits.uncertaintyMicroseconds)
        try Problem.check("index", self.index, in: 0...Limits.candidateIndex)
    }
}

extension ContestCommand: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.epoch)
        try Problem.check("batch", self.batch.number, in: 0...Limits.batches)
        for entrant in self.batch.passed { try entrant.checkLimits() }
        try Problem.check("units", count: self.batch.waited.count, limit: Limits.units)
    }
}

extension QuotaState: LimitedMessage {
    package func checkLimits() throws(Problem) {
        for epoch in [self.epoch, self.coordinatorEpoch] { try Problem.check(epoch) }
        try Problem.check("lots", count: self.lots.count, limit: Limits.lotsPerMessage)
        for lot in self.lots { try lot.checkLimits() }
    }
}

extension QuotaState.Lot {
    fileprivate func checkLimits() throws(Problem) {
        for (name, value) in [
            ("issued", self.issued), ("pool", self.pool), ("stranded", self.stranded), ("waitlisted", self.waitlisted),
            ("carried", self.carried),
        ] { try Problem.check(name, value, in: 0...Limits.counter) }
        try self.contest?.checkLimits()
        for unit in self.units {
            // Computed from the log and from the unit's report, which differ for a moment: the value can be below zero.
            try Problem.check("available", unit.available, in: -Limits.counter...Limits.counter)
            for (name, value) in [
                ("granted", unit.granted), ("allocated", unit.allocated), ("returned", unit.returned),
                ("live", unit.live), ("paid", unit.paid), ("offered", unit.offered), ("starved", unit.starved),
            ] { try Problem.check(name, value, in: 0...Limits.counter) }
        }
    }
}

extension LeaderQuota: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check("units", count: self.units.count, limit: Limits.units)
        try Problem.check("lots", count: self.lots.count, limit: Limits.lotsPerMessage)
        for lot in self.lots { try lot.checkLimits() }
    }
}

extension LeaderQuota.Lot {
    fileprivate func checkLimits() throws(Problem) {
        for (name, value) in [("issued", self.issued), ("pool", self.pool)] {
            try Problem.check(name, value, in: 0...Limits.counter)
        }
        try self.contestStart.checkLimits()
        try self.contestTerms.checkLimits()
        try self.contest?.checkLimits()
        try Problem.check("available", count: self.available.count, limit: Limits.units)
        // Computed from the log and from the unit's report, which differ for a moment: the value can be below zero.
        for value in self.available { try Problem.check("available", value, in: -Limits.counter...Limits.counter) }
        try Problem.check("parts", count: self.parts.count, limit: Limits.units)
        for part in self.parts {
            for (name, value) in [
                ("available", part.available), ("offered", part.offered), ("starved", part.starved),
            ] { try Problem.check(name, value, in: 0...Limits.counter) }
        }
    }
}

extension QuotaCommands: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.epoch)
        // A round has at most one grant and one reclaim for each unit and lot.
        try Problem.check("decisions", count: self.decisions.count, limit: Limits.decisionsPerMessage)
        for decision in self.decisions {
            switch decision {
            case .grant(_, _, let quantity): try Problem.check("quantity", quantity, in: 0...Limits.counter)
            case .reclaim(_, _, let keep): try Problem.check("keep", keep, in: 0...Limits.counter)
            case .contend(_, let terms): try terms.checkLimits()
            }
        }
    }
}

extension Leadership: LimitedMessage {
    package func checkLimits() throws(Problem) { try Problem.check(self.epoch) }
}

extension LeadBody: LimitedMessage {
    package func checkLimits() throws(Problem) { try Problem.check(url: self.url) }
}

extension ContestReport: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.generation)
        try Problem.check(self.epoch)
        guard Set(self.lots.map(\.lot)).count == self.lots.count else {
            throw Problem(status: 400, code: "invalid_message", detail: "a lot is listed twice")
        }
        let all = self.lots.reduce(0) { $0 + $1.candidates.count }
        try Problem.check("candidates", count: all, limit: Limits.candidatesPerReportInAll)
        for lot in self.lots {
            for candidate in lot.candidates {
                try Problem.check("index", candidate.index, in: 0...Limits.candidateIndex)
                try Problem.check("uncertainty", candidate.uncertainty, in: 0...Limits.uncertaintyMicroseconds)
            }
        }
    }
}

extension ContestReply: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.generation)
        try Problem.check(self.epoch)
    }
}
