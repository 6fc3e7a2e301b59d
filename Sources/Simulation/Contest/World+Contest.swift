import TrancheCore

// Units and coordinators in a contest: reports, answers, watermarks.

extension World {
    func contestReported(_ unit: UnitID, _ session: UInt64, _ report: ContestReport, _ sentAt: Instant) {
        guard let number = self.coordinators.firstIndex(where: { $0.epoch == report.epoch }) else { return }
        let pause = self.coordinators[number].pausedUntil
        guard pause <= self.now else {
            return self.queue.push(.message(.contestReport(unit, session: session, report, sentAt: sentAt)), at: pause)
        }
        var lots: [ContestReply.Lot] = []
        let isTrusted =
            self.coordinators[number].clocks.isTrusted(
                unit, echo: report.echo, sentAt: report.sentAt, receivedAt: self.now) && report.isTrusted
        if !isTrusted, report.isTrusted { self.mark("coordinator doubts a clock") }
        for lot in report.lots {
            guard self.coordinators[number].merges[lot.lot] != nil else {
                lots.append(ContestReply.notTaken(lot.lot))
                continue
            }
            self.recall(number, lot.lot, unit, heard: lot.heard, report.epoch)
            let (reply, late) = self.coordinators[number].withMerge(lot.lot) { merge in
                let before = merge.lateCount
                merge.receive(
                    lot, from: unit, generation: report.generation, isTrusted: isTrusted, now: self.now)
                let reply = merge.reply(to: unit, generation: report.generation, heard: lot.heard, now: self.now)
                return (reply, merge.lateCount - before)
            }
            if late > 0 { self.mark("late lane") }
            lots.append(reply)
        }
        self.coordinators[number].clocks.answered(unit, at: self.now)
        self.send(
            .contestReply(
                unit, session: session, ContestReply(epoch: report.epoch, generation: report.generation, lots: lots),
                sentAt: sentAt,
                received: self.now))
    }

    /// The leader fetches verdicts of before its time. Real leaders wait for the center meanwhile; here it answers at once.
    private func recall(_ number: Int, _ lot: LotID, _ unit: UnitID, heard: Int, _ epoch: Epoch) {
        guard let from = self.coordinators[number].merges[lot]?.missing(unit, heard: heard),
            let verdicts = try? self.center.authority?.verdicts(lot, of: unit, for: epoch, from: from)
        else { return }
        self.mark("earlier verdicts fetched")
        self.coordinators[number].withMerge(lot) { $0.recall(verdicts, of: unit, from: from) }
    }

    func contestReplied(
        _ unit: UnitID, _ session: UInt64, _ reply: ContestReply, sentAt: Instant, received: Instant
    ) {
        guard let process = self.process(unit, session) else { return }
        process.clockCheck.observe(
            .init(sent: sentAt, received: received, answered: received, heard: self.clock(of: unit)))
        process.echo = (reply.epoch, .init(sentAt: received, heardAt: self.clock(of: unit)))
        if process.clockCheck.state == .untrusted {
            self.mark("clock falsified")
        } else {
            process.clock.confirm(now: self.clock(of: unit), steady: self.now)
        }
        self.run(unit, process, .contestReply(reply))
    }

    /// Takes all waiting requests of a unit, with the watermark that was read under the same lock.
    func takeIn(_ id: UnitID, _ process: UnitProcess) {
        let requests = process.intake
        process.intake = []
        let watermark = process.clock.watermark(now: self.clock(of: id), steady: self.now)
        if !requests.isEmpty { self.run(id, process, .requests(requests)) }
        self.run(id, process, .stamped(upTo: watermark))
    }

    func contestReportTick(_ id: UnitID, _ session: UInt64) {
        guard let process = self.process(id, session) else { return }
        self.schedule(.contestReportTick(id, session: session), afterMicroseconds: Self.contestEveryMicroseconds)
        guard process.contestReportAt <= self.now, let pause = process.withMachine({ $0.contestReportMilliseconds })
        else {
            return
        }
        process.contestReportAt = self.now.advanced(milliseconds: min(pause, 500))
        process.clockCheck.observe(kernel: nil, wall: self.clock(of: id), monotonic: self.now)
        if self.plant == .watermarkOutsideTheLock {
            self.run(id, process, .stamped(upTo: process.clock.watermark(now: self.clock(of: id), steady: self.now)))
        } else {
            self.takeIn(id, process)
        }
        self.run(id, process, .contestReportDue)
    }
}
