import DaemonSupport
import Foundation
import Storage
import Terminal
import TrancheAPI
import TrancheCore

/// The cost of a contest's candidates in one thread: read, merge, decide; and of a decision on its way into the log.
struct ContestCost: Codable {
    /// Reading and merging one candidate, and its part of a decision, in microseconds.
    let candidateMicroseconds: Double
    /// Encoding a decision for the center, and reading it there, in microseconds.
    let batchEncodeMicroseconds: Double
    let batchDecodeMicroseconds: Double
    /// A decision in the log, the witness of one report, and the witnesses of all units together, in milliseconds with
    /// the fsync.
    let batchCommitMilliseconds: Double
    let witnessCommitMilliseconds: Double
    let witnessesCommitMilliseconds: Double
    let batchBytes: Int
    let entrants: Int

    private static let rounds = 20
    private static let pool = 10_000_000

    /// Candidates of each unit in one decision: the decision is full.
    static func perUnit(_ units: Int) -> Int {
        max(1, min(Limits.candidatesPerReport, Limits.entrantsPerBatch / units))
    }

    static func measure(units: Int) throws -> ContestCost {
        let perUnit = self.perUnit(units)
        var merge = ContestMerge(
            lot: LotID(1), book: ContestBook(terms: .init(policy: .stamp, waitlist: 0)), now: PaperMessages.now,
            tie: { $0.low })
        let members = (1...units).map { (UnitID(UInt16($0)), Generation(1)) }
        merge.observe(
            .init(
                batches: 0, pool: self.pool, mayReturn: 0, isClosed: false,
                members: Dictionary(uniqueKeysWithValues: members)))
        var (nanoseconds, batches) = (0.0, [ContestBatch]())
        for round in 0..<self.rounds {
            let messages = (1...units).map { unit in
                ContestWire.encode(
                    PaperMessages.contestReport(unit, epoch: Epoch(1), base: round * perUnit, count: perUnit))
            }
            let now = PaperMessages.now.advanced(milliseconds: Int64(round * perUnit + 2))
            var decided: ContestBatch?
            nanoseconds += try Stopwatch.nanoseconds {
                for message in messages {
                    let report = try ContestWire.report(message)
                    merge.receive(
                        report.lots[0], from: report.unit, generation: report.generation, isTrusted: true, now: now)
                }
                decided = merge.decide(now: now)
            }
            guard let batch = decided, batch.passed.count == units * perUnit else {
                throw CommandError(
                    "round \(round): \(decided?.passed.count ?? 0) of \(units * perUnit) candidates passed")
            }
            merge.committed(batch.number, pool: self.pool, coming: 0, mayReturn: 0)
            batches.append(batch)
        }
        return try self.log(batches, units: units, candidate: nanoseconds / Double(self.rounds * units * perUnit) / 1e3)
    }

    /// The way of the decisions into the log.
    private static func log(_ batches: [ContestBatch], units: Int, candidate: Double) throws -> ContestCost {
        let folder = try PrivateFolder.make("tranche-paper")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try AuthorityStore(path: folder + "/authority.sqlite")
        try store.append([.epoch(Epoch(1))], witnesses: [:], as: Epoch(1))
        let commands = batches.map { ContestCommand(epoch: Epoch(1), batch: $0) }
        let messages = commands.map { JSON.encode($0) }
        func each(_ body: (Int) throws -> Void) throws -> Double {
            median(try commands.indices.map { index in try Stopwatch.nanoseconds { try body(index) } })
        }
        let encode = try each { _ = JSON.encode(commands[$0]) }
        let decode = try each { _ = try JSON.decode(ContestCommand.self, from: messages[$0]) }
        let commit = try each { try store.append([.contest(LotID(1), batches[$0])], witnesses: [:], as: Epoch(1)) }
        let witness = try each { index in
            let head = LedgerHead(position: UInt64(index + 1), digest: ChainDigest(high: 1, low: UInt64(index)))
            try store.append([], witnesses: [UnitID(UInt16(1 + index % units)): head], as: Epoch(1))
        }
        let witnesses = try each { index in
            let head = LedgerHead(position: UInt64(index + 100), digest: ChainDigest(high: 2, low: UInt64(index)))
            let all = (1...units).map { (UnitID(UInt16($0)), Optional(head)) }
            try store.append([], witnesses: Dictionary(uniqueKeysWithValues: all), as: Epoch(1))
        }
        return ContestCost(
            candidateMicroseconds: candidate, batchEncodeMicroseconds: encode / 1e3,
            batchDecodeMicroseconds: decode / 1e3, batchCommitMilliseconds: commit / 1e6,
            witnessCommitMilliseconds: witness / 1e6, witnessesCommitMilliseconds: witnesses / 1e6,
            batchBytes: messages.last?.count ?? 0,
            entrants: batches.last?.passed.count ?? 0)
    }
}

/// Measures the time of a piece of work.
enum Stopwatch {
    static func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        let took = (ContinuousClock.now - start).components
        return Double(took.seconds) * 1e9 + Double(took.attoseconds) / 1e9
    }
}
