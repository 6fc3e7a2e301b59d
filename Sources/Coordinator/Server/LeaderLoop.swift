import CurlClient
import DaemonSupport
import Logging
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// The rounds of a coordinator: it reads the quota, decides, and commands. Between two rounds it decides the contests.
struct LeaderLoop: Service {
    /// Pause between two attempts to get the lead, in milliseconds.
    static let standbyMilliseconds = 200
    static let heartbeatMilliseconds = 150
    /// The time limit of a call to the center, in milliseconds.
    static let callMilliseconds = 2_000
    /// Pause between two decisions in a contest, in milliseconds.
    static let contestMilliseconds = 1

    let center: CenterCaller
    let url: String
    let secret: LiveSecret
    let tickMilliseconds: Int
    let desk: ContestDesk
    let telemetry: Telemetry
    let meters: ContestMeters
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var lastProblem = ""
            while !Task.isCancelled {
                do { try await self.lead() } catch let problem as Problem {
                    // Every coordinator but one is on standby, so this is no problem.
                    if problem.code != lastProblem, problem.code != "leader_is_alive" {
                        self.logger.warning("not leading", metadata: ["code": "\(problem.code)"])
                    }
                    lastProblem = problem.code
                } catch {
                    self.logger.debug("no round", metadata: ["error": "\(error)"])
                }
                self.desk.end()
                self.telemetry.set("tranche_coordinator_leads", "1 while this coordinator leads.", to: 0)
                try? await Task.sleep(for: .milliseconds(Self.standbyMilliseconds))
            }
        }
    }

    /// Gets the lead, and keeps it until a command is refused or the center is away.
    private func lead() async throws {
        let body = JSON.encode(LeadBody(url: self.url))
        let epoch = try JSON.decode(Leadership.self, from: try await self.call("POST", "/coordinators/lead", body))
            .epoch
        self.logger.info("leading", metadata: ["epoch": "\(epoch.rawValue)"])
        self.telemetry.set("tranche_coordinator_epoch", "Epoch of this coordinator.", to: Double(epoch.rawValue))
        self.telemetry.set("tranche_coordinator_leads", "1 while this coordinator leads.", to: 1)
        self.desk.begin(epoch)
        // The heartbeat does not depend on the length of a round or a commit.
        let heartbeat = Task { await self.sendHeartbeats(epoch) }
        defer { heartbeat.cancel() }
        var rebalancer = Rebalancer()
        var quota = KnownQuota()
        var nextLook = ContinuousClock.now
        while !Task.isCancelled {
            if ContinuousClock.now >= nextLook {
                nextLook = .now + .milliseconds(self.tickMilliseconds)
                try await self.look(epoch, &quota, &rebalancer)
            }
            for (lot, batch) in self.desk.decide() { try await self.commit(lot, batch, epoch) }
            // One page in each turn, so that no decision waits for a unit that restarts.
            if let missing = self.desk.takeMissing() { try await self.recall(missing, epoch) }
            let isContesting = !self.desk.lots.isEmpty
            try await Task.sleep(
                for: .milliseconds(isContesting ? Self.contestMilliseconds : self.tickMilliseconds))
        }
    }

    /// One round over all lots: it refills, reclaims, and contends a lot that is about to run out.
    private func look(_ epoch: Epoch, _ quota: inout KnownQuota, _ rebalancer: inout Rebalancer) async throws {
        let held = quota.number.map { "&held=\($0)" } ?? ""
        let path = "/coordinators/quota?epoch=\(epoch.rawValue)&url=\(self.url)\(held)"
        quota.take(try JSON.decode(LeaderQuota.self, from: try await self.call("GET", path, nil)))
        self.desk.hear(names: quota.unitNames)
        let known = Set(self.desk.lots)
        var decisions: [Rebalancer.Decision] = []
        for lot in quota.lots {
            if let stock = lot.contest {
                if known.contains(lot.lot) {
                    self.desk.observe(lot.lot, stock)
                } else {
                    try await self.takeOver(lot.lot, stock, epoch)
                }
            } else {
                // The center's clock, by which the reports of the units are timed.
                decisions += rebalancer.round(quota.stock(lot), now: quota.now)
            }
        }
        guard !decisions.isEmpty else { return }
        _ = try await self.call(
            "POST", "/quota/commands", JSON.encode(QuotaCommands(epoch: epoch, decisions: decisions)))
        self.telemetry.count("tranche_decisions_total", "Grants and reclaims decided.", by: decisions.count)
    }

    /// Writes a decision into the log. If the log refuses it, this contest is read again from the log in the next
    /// round. If the answer is lost, this coordinator gives the lead up, and the next leader reads everything again.
    private func commit(_ lot: LotID, _ batch: ContestBatch, _ epoch: Epoch) async throws {
        let body = JSON.encode(ContestCommand(epoch: epoch, batch: batch))
        let began = SystemClock.monotonic()
        do {
            let ack = try JSON.decode(ContestAck.self, from: try await self.call("POST", "/contests/\(lot)", body))
            self.desk.committed(lot, batch, ack)
            self.meters.committed(since: began)
            self.meters.decided(batch, now: SystemClock.now())
        } catch let problem as Problem where ["invalid_batch", "batch_out_of_turn"].contains(problem.code) {
            self.logger.warning("the log refused a batch", metadata: ["lot": "\(lot)", "detail": "\(problem.detail)"])
            self.desk.remove(lot)
        }
    }

    /// Until the task is cancelled.
    private func sendHeartbeats(_ epoch: Epoch) async {
        let body = JSON.encode(CoordinatorAddress(epoch: epoch, url: self.url))
        while !Task.isCancelled {
            _ = try? await self.call("POST", "/coordinators/heartbeat", body)
            try? await Task.sleep(for: .milliseconds(Self.heartbeatMilliseconds))
        }
    }

    func call(_ method: String, _ path: String, _ body: [UInt8]?) async throws -> [UInt8] {
        let headers = ["Authorization": "Bearer \(self.secret.shown)", "Content-Type": "application/json"]
        let began = SystemClock.monotonic()
        defer { self.meters.called(since: began) }
        let response = try await self.center.send(
            CurlRequest(
                method, "/internal/v1" + path, headers: headers, body: body, timeoutMilliseconds: Self.callMilliseconds)
        )
        guard (200..<300).contains(response.status) else { throw try JSON.decode(Problem.self, from: response.body) }
        return response.body
    }
}
