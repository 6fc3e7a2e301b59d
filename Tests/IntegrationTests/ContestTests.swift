import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore
import Verification

/// Contests between real processes.
@Suite("A contest", .serialized, .timeLimit(.minutes(3))) struct ContestTests {
    /// A request in the contest, and where it was made.
    private struct Entry {
        let order: OrderID
        let unit: TestCluster.Unit
        let token: String
    }

    /// Sends one request to `unit`; it must get a place.
    private func enter(_ cluster: TestCluster, _ unit: TestCluster.Unit, _ buyer: String) async throws -> Entry {
        let claims = cluster.claims(buyer: buyer, unit: unit.id.rawValue)
        let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
        let response = try await cluster.buy(unit, token: token)
        guard response.status == 202 else {
            throw TestFailure("\(buyer): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        #expect(response.headers["retry-after"] == "1")
        #expect(response.headers["location"] == "/v1/orders/\(claims.order)")
        return Entry(order: claims.order, unit: unit, token: token)
    }

    /// `reserved`, `waitlisted`, or the code of the refusal; waits while the order is contested.
    ///
    /// - Parameter isLast: Wait for the end of the waitlist, too. Without a waitlist, orders are there only until the
    ///   units have returned their stock.
    private func outcome(_ cluster: TestCluster, _ entry: Entry, isLast: Bool = false) async throws -> String {
        var last = ""
        try await cluster.wait(for: "decision on \(entry.order)") {
            let response = try await cluster.call(
                "GET", "\(entry.unit.url)/v1/orders/\(entry.order)", secret: nil, body: nil)
            last =
                response.status == 200
                ? try JSON.decode(OrderDocument.self, from: response.body).state
                : try JSON.decode(Problem.self, from: response.body).code
            return last != "contested" && !(isLast && last == "waitlisted")
        }
        return last
    }

    private func outcomes(
        _ cluster: TestCluster, _ entries: [Entry], areLast: Bool = false
    ) async throws -> [String] {
        var all: [String] = []
        for entry in entries { all.append(try await self.outcome(cluster, entry, isLast: areLast)) }
        return all
    }

    @Test("the earliest requests win in every region; returned stock goes to the waitlist, not to a newcomer")
    func earliestStampsWinThenWaitlist() async throws {
        let cluster = try await TestCluster.start(
            stock: 4, limit: 1, contest: ["--contest", "global", "--waitlist", "2"], delays: [2, 10, 25])
        defer { cluster.stop() }
        var entries: [Entry] = []
        // One after the other, the far regions first, so that the true order is known.
        for number in 0..<9 {
            let unit = cluster.units[2 - number % 3]
            entries.append(try await self.enter(cluster, unit, "buyer-\(number)"))
        }
        let first = try await self.outcomes(cluster, entries)
        #expect(first.prefix(4).allSatisfy { $0 == "reserved" }, "\(first)")
        #expect(first[4...5].allSatisfy { $0 == "waitlisted" }, "\(first)")
        #expect(first[6...].allSatisfy { $0 == "sold_out" }, "\(first)")
        // The leader publishes how far each unit's stamps are behind their arrival: a wrong clock shows there.
        let leader = try #require(try await cluster.quota().coordinatorURL)
        let metrics = try await cluster.call("GET", leader + "/metrics", secret: nil, body: nil).body
        for unit in cluster.units {
            let series = "tranche_contest_lag_seconds{unit=\"\(unit.id)\"}"
            #expect(String(decoding: metrics, as: UTF8.self).contains(series), "\(unit.name)")
        }

        try await cluster.wait(for: "a place in the line") {
            let response = try await cluster.call(
                "GET", "\(entries[5].unit.url)/v1/orders/\(entries[5].order)", secret: nil, body: nil)
            let document = try JSON.decode(OrderDocument.self, from: response.body)
            return document.ahead == 1 && document.mayReturn == 4
        }
        // The stream reports the returned stock to the waiting buyer.
        let address = "\(entries[4].unit.url)/v1/orders/\(entries[4].order)/events"
        let events = Task { try await CurlClient().send(CurlRequest("GET", address, timeoutMilliseconds: 30_000)) }
        let newcomer = try await self.enter(cluster, cluster.units[0], "newcomer")
        #expect(try await self.outcome(cluster, newcomer) == "sold_out")
        let cancelled = try await cluster.call(
            "POST", "\(entries[1].unit.url)/v1/orders/\(entries[1].order)/cancel", secret: entries[1].token, body: [])
        #expect(cancelled.status == 200)
        let stream = String(decoding: try await events.value.body, as: UTF8.self)
        #expect(stream.contains("event: order") && stream.contains("\"reserved\""), "\(stream)")
        #expect(stream.contains("\"offered\":true"), "\(stream)")
        #expect(try await self.outcome(cluster, entries[5]) == "waitlisted")
        // When all buyers have paid, no stock can come back, and the last order in the line is released.
        for entry in [entries[0], entries[2], entries[3], entries[4]] {
            #expect(try await cluster.pay(entry.unit, entry.order, "p-\(entry.order)").status == 200)
        }
        try await cluster.wait(for: "the end of the waitlist") {
            try await self.outcome(cluster, entries[5]) == "sold_out"
        }
        for step in [["sale", "close", "test"], ["sale", "settle", "test"]] {
            #expect(try cluster.run(step).status == 0)
        }
        cluster.stop()
        let verifier = try Verifier(folder: cluster.folder)
        #expect(verifier.report().isSound, "\(verifier.report().checks.filter { $0.verdict == .broken })")
        let fairness = try #require(verifier.fairness(LotID(1)))
        #expect((fairness.won, fairness.misallocated, fairness.late) == (4, 0, 0))
        // Items that a contest gave are in the books, too.
        let books = try await cluster.exportBooks()
        let paid = verifier.report().lots.map(\.paid)
        #expect(books.lots.map(\.paid) == paid)
        #expect(books.lots.allSatisfy { $0.held == 0 })
    }

    @Test("one buyer who tries in every region has one home, and one order") func buyerHasOneHome() async throws {
        let cluster = try await TestCluster.start(stock: 9, limit: 1)
        defer { cluster.stop() }
        var homes: Set<UnitID> = []
        var orders = 0
        for unit in cluster.units {
            let body = JSON.encode(MintBody(lot: LotID(1), buyer: BuyerID("everywhere")!))
            let response = try await cluster.call(
                "POST", "\(unit.internalURL)/internal/v1/tokens", secret: cluster.secret("TRANCHE_SHOP_SECRET"),
                body: body)
            let minted = try JSON.decode(MintedToken.self, from: response.body)
            homes.insert(minted.home)
            for door in cluster.units {
                let answer = try await cluster.buy(door, token: minted.token)
                if door.id != minted.home {
                    #expect(answer.status == 421)
                    let home = cluster.units.first { $0.id == minted.home }
                    #expect(try JSON.decode(Problem.self, from: answer.body).location == home?.url)
                } else if answer.status == 201 {
                    orders += 1
                } else {
                    #expect(answer.status == 409)
                }
            }
        }
        #expect(homes.count == 1)
        #expect(orders == 1)
        // A token without a claim: every unit computes the same home.
        let claims = cluster.claims(buyer: "unclaimed", unit: 0)
        let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
        var statuses: [Int] = []
        for unit in cluster.units { statuses.append(try await cluster.buy(unit, token: token).status) }
        #expect(statuses.sorted() == [201, 421, 421])
    }

    @Test(
        "the leading coordinator is killed during a contest: the other one continues, no order is lost or doubled, and the order stays"
    )
    func nextLeaderKeepsTheOrder() async throws {
        let cluster = try await TestCluster.start(
            stock: 60, limit: 1, contest: ["--contest", "global", "--waitlist", "10"], delays: [2, 5, 10])
        defer { cluster.stop() }
        var entries: [Entry] = []
        for number in 0..<40 {
            entries.append(try await self.enter(cluster, cluster.units[number % 3], "before-\(number)"))
        }
        // The present leader: the other one cannot get the lead meanwhile.
        let leads = try await self.leader(cluster)
        let before = try await cluster.quota().coordinatorEpoch
        cluster.signal("tranche-coordinator", leads, SIGKILL)
        let killedAt = Date()
        for number in 0..<40 {
            entries.append(try await self.enter(cluster, cluster.units[number % 3], "after-\(number)"))
        }
        let states = try await self.outcomes(cluster, entries)
        print("decisions resumed, and all were made, within \(Date().timeIntervalSince(killedAt)) s of the kill")
        #expect(states.prefix(60).allSatisfy { $0 == "reserved" }, "\(states)")
        #expect(!states[60...].contains("reserved"), "\(states)")
        cluster.stop()
        let verifier = try Verifier(folder: cluster.folder)
        #expect(verifier.report().isSound, "\(verifier.report().checks.filter { $0.verdict == .broken })")
        let fairness = try #require(verifier.fairness(LotID(1)))
        #expect((fairness.won, fairness.misallocated) == (60, 0))
        #expect(verifier.coordinatorEpoch > before.rawValue, "another coordinator must have taken the lead")
    }

    @Test("a unit that restarts under the next leader hears all verdicts, those of before that leader's time first")
    func restartedUnitHearsEarlierVerdicts() async throws {
        let cluster = try await TestCluster.start(
            stock: 5, limit: 1, contest: ["--contest", "global", "--waitlist", "9"], delays: [2, 5, 10])
        defer { cluster.stop() }
        let unit = cluster.units[0]
        var entries: [Entry] = []
        for number in 0..<8 { entries.append(try await self.enter(cluster, unit, "before-\(number)")) }
        let states = try await self.outcomes(cluster, entries)
        #expect(states.count { $0 == "reserved" } == 5 && states.count { $0 == "waitlisted" } == 3, "\(states)")
        cluster.signal("tranche-coordinator", try await self.leader(cluster), SIGKILL)
        try await cluster.restartUnit(unit)
        // Its verdict is behind the eight that the unit asks for again.
        let newcomer = try await self.enter(cluster, unit, "newcomer")
        #expect(try await self.outcome(cluster, newcomer) == "waitlisted")
        for entry in entries {
            #expect(["reserved", "waitlisted"].contains(try await self.outcome(cluster, entry)))
        }
        cluster.stop()
        let verifier = try Verifier(folder: cluster.folder)
        #expect(verifier.report().isSound, "\(verifier.report().checks.filter { $0.verdict == .broken })")
    }

    /// The configuration file of the leading coordinator.
    private func leader(_ cluster: TestCluster) async throws -> String {
        let layout = FileManager.default.contents(atPath: cluster.folder + "/cluster.json") ?? Data()
        let port = try JSONDecoder().decode(Ports.self, from: layout).coordinatorPort
        let url = try #require(try await cluster.quota().coordinatorURL)
        return url.hasSuffix(":\(port)") ? "coordinator.yaml" : "standby.yaml"
    }

    private struct Ports: Decodable { let coordinatorPort: Int }

    @Test("a paused unit holds the others up for no longer than holdMax, and its requests are late")
    func pausedUnitDelaysOthersByHoldMax() async throws {
        let cluster = try await TestCluster.start(
            stock: 6, limit: 1, contest: ["--contest", "global", "--waitlist", "0"], delays: [2, 5, 10])
        defer { cluster.stop() }
        let paused = cluster.units[2]
        // Its requests are stamped and durable, but cannot get out; then the whole process is stopped.
        try await cluster.setLink("ap-south", delay: 10, isCut: true)
        var stuck: [Entry] = []
        for number in 0..<3 { stuck.append(try await self.enter(cluster, paused, "stuck-\(number)")) }
        cluster.signal("tranche-unit", "units/ap-south/", SIGSTOP)
        var others: [Entry] = []
        for number in 0..<5 {
            others.append(try await self.enter(cluster, cluster.units[number % 2], "other-\(number)"))
        }
        let decided = try await self.outcomes(cluster, others, areLast: true)
        #expect(decided.allSatisfy { $0 == "reserved" }, "\(decided)")
        cluster.signal("tranche-unit", "units/ap-south/", SIGCONT)
        try await cluster.setLink("ap-south", delay: 10, isCut: false)
        let late = try await self.outcomes(cluster, stuck, areLast: true)
        #expect(late.count { $0 == "reserved" } == 1, "\(late)")
        cluster.stop()
        let verifier = try Verifier(folder: cluster.folder)
        #expect(verifier.report().isSound)
        let fairness = try #require(verifier.fairness(LotID(1)))
        #expect(fairness.late == 3)
        #expect(fairness.regions.first { $0.name == "ap-south" }?.late == 3)
        print("others were held for \(fairness.holdMillisecondsP50) ms (p50) while a unit stood still")
    }

    @Test("a clock that is two seconds behind stops no local sale, and gains no unfair share")
    func slowClockSellsAndGainsNothing()
        async throws
    {
        let cluster = try await TestCluster.start(
            stock: 12, limit: 1, contest: ["--contest", "share", "--contest-permille", "500", "--waitlist", "0"],
            delays: [2, 5, 10], clocks: "ap-south=-2000000")
        defer { cluster.stop() }
        let (near, wrong) = (cluster.units[0], cluster.units[2])
        try await cluster.wait(for: "a round trip that falsifies the clock") {
            try await self.clock(cluster, wrong) == .untrusted
        }
        for number in 0..<4 { #expect(try await cluster.buySurely(wrong, buyer: "local-\(number)")) }
        for number in 0..<2 { #expect(try await cluster.buySurely(near, buyer: "near-\(number)")) }
        // Half is gone: the rest is contested, in every unit.
        try await cluster.wait(for: "the contest") {
            try await cluster.quota().lots[0].contest?.pool == 6
        }
        var entries: [Entry] = []
        for number in 0..<4 { entries.append(try await self.enter(cluster, near, "first-\(number)")) }
        for number in 0..<4 { entries.append(try await self.enter(cluster, wrong, "wrong-\(number)")) }
        let states = try await self.outcomes(cluster, entries, areLast: true)
        #expect(states.prefix(4).allSatisfy { $0 == "reserved" }, "\(states) \(cluster.folder)")
        #expect(states.count { $0 == "reserved" } == 6, "\(states)")
        #expect(try await self.clock(cluster, near) != .untrusted)
        cluster.stop()
        let verifier = try Verifier(folder: cluster.folder)
        #expect(verifier.report().isSound)
        #expect(verifier.fairness(LotID(1))?.late == 4)
    }

    private func clock(_ cluster: TestCluster, _ unit: TestCluster.Unit) async throws -> ClockCheck.State? {
        let response = try await cluster.call(
            "GET", "\(cluster.center)/v1/units", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        return try JSON.decode([UnitDocument].self, from: response.body).first { $0.id == unit.id }?.clock?.state
    }
}
