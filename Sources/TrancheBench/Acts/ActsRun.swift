import CurlClient
import Foundation
import NIOConcurrencyHelpers
import Terminal
import TrancheAPI
import TrancheCore

/// Acts of several operators, and a center that is killed meanwhile.
final class ActsRun: Sendable {
    struct Result: Codable {
        var acts = 0
        var seconds = 0.0
        var kills = 0
        /// Acts that were sent more than once, and those of them that got no answer at least once.
        var repeated = 0
        var unanswered = 0
        var lines = 0
        var versions = 0
        /// Of stock and of freezes.
        var records = 0
        var findings: [String] = []
    }
    private struct Progress {
        var done = 0
        var kills = 0
        var repeated = 0
        var unanswered = 0
        var isOver = false
        var findings: [String] = []
    }
    /// How long one act is tried for.
    private static let secondsPerAct = 120.0

    private let plan: [[Act]]
    private let lifeMilliseconds: Int
    private let steps: Steps
    private let center: ActsCenter
    private let progress = NIOLockedValueBox(Progress())

    init(acts: Int, lifeMilliseconds: Int, _ steps: Steps) throws {
        (self.plan, self.lifeMilliseconds, self.steps) = (Act.plan(acts), lifeMilliseconds, steps)
        self.center = try ActsCenter()
    }

    func stop() { self.center.remove() }

    func run() async throws -> Result {
        try await self.center.start()
        try await self.openSale()
        let start = ContinuousClock.now
        try await self.steps.run("acts") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.killAndStart() }
                try await withThrowingTaskGroup(of: Void.self) { operators in
                    for acts in self.plan { operators.addTask { try await self.carryOut(acts) } }
                    try await operators.waitForAll()
                }
                self.progress.withLockedValue { $0.isOver = true }
                try await group.waitForAll()
            }
        }
        let took = ContinuousClock.now - start
        self.center.end()
        let progress = self.progress.withLockedValue { $0 }
        var result = try ActsCheck.result(of: self.plan.flatMap { $0 }, folder: self.center.folder)
        result.seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        (result.acts, result.kills) = (progress.done, progress.kills)
        (result.repeated, result.unanswered) = (progress.repeated, progress.unanswered)
        result.findings += progress.findings
        return result
    }

    private func openSale() async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: Act.sale, name: "acts", startsAtMilliseconds: now, endsAtMilliseconds: now + 86_400_000,
            paymentWindowMilliseconds: 60_000,
            lots: Act.lots.map {
                .init(id: $0, name: "lot \($0)", stock: Act.stock, perBuyerLimit: 1, poolPermille: 1_000)
            })
        var answers = [try await self.center.send("POST", "/v1/sales", JSON.encode(sale), key: "create")]
        for step in ["warm", "open"] {
            let version = try await self.version()
            let body = JSON.encode(OpenBody(force: true))
            answers.append(
                try await self.center.send(
                    "POST", "/v1/sales/\(Act.sale)/\(step)", body, key: step, version: version))
        }
        for answer in answers where !(200..<300).contains(answer.status) {
            throw CommandError("the sale was not opened: \(String(decoding: answer.body, as: UTF8.self))")
        }
    }

    private func version() async throws -> Int {
        let answer = try await self.center.send("GET", "/v1/sales/\(Act.sale)", nil, key: nil)
        return try JSON.decode(SaleDocument.self, from: answer.body).version
    }

    /// Kills the center at random moments, and starts it again, until all acts are done.
    private func killAndStart() async throws {
        while !self.progress.withLockedValue({ $0.isOver }) {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...self.lifeMilliseconds)))
            self.center.kill()
            self.progress.withLockedValue { $0.kills += 1 }
            try await self.center.start()
        }
    }

    private func carryOut(_ acts: [Act]) async throws {
        for act in acts { try await self.carryOut(act) }
    }

    /// Sends an act with its key until it is answered.
    private func carryOut(_ act: Act) async throws {
        let end = ContinuousClock.now + .seconds(Self.secondsPerAct)
        var (sent, lost) = (0, false)
        while ContinuousClock.now < end {
            try Task.checkCancellation()
            var version: Int?
            if act.needsVersion {
                version = try? await self.version()
                if version == nil {
                    try await Task.sleep(for: .milliseconds(5))
                    continue
                }
            }
            sent += 1
            do throws(CurlError) {
                let answer = try await self.center.send(
                    act.method, act.path, act.body, key: act.key, version: version)
                if (200..<300).contains(answer.status) { return self.count(sent: sent, lost: lost) }
                // Somebody else changed the configuration; or the center is not ready yet.
                guard answer.status == 412 || answer.status == 503 else {
                    self.progress.withLockedValue {
                        $0.findings.append(
                            "\(act.key) was refused: \(String(decoding: answer.body, as: UTF8.self))")
                    }
                    return self.count(sent: sent, lost: lost)
                }
            } catch { lost = lost || error.mayHaveArrived }
            if lost { try await Task.sleep(for: .milliseconds(5)) }
        }
        throw CommandError("\(act.key) got no answer for \(Int(Self.secondsPerAct)) s")
    }

    private func count(sent: Int, lost: Bool) {
        self.progress.withLockedValue { progress in
            progress.done += 1
            progress.repeated += sent > 1 ? 1 : 0
            progress.unanswered += lost ? 1 : 0
        }
    }
}
