import CurlClient
import Foundation
import GRDB
import LedgerRows
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import Verification

/// Real processes, real Redis, real HTTP.
@Suite("A cluster", .serialized, .timeLimit(.minutes(3))) struct ClusterTests {
    @Test("bad input gets its error, and changes nothing") func badInputChangesNothing() async throws {
        let cluster = try await TestCluster.start(stock: 40, limit: 2)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let good = cluster.token(buyer: "good")

        typealias Case = (name: String, lot: String, token: String?, body: String?, status: Int, code: String)
        let cases: [Case] = [
            ("unknown lot", "99", cluster.token(buyer: "x", lot: 99), nil, 404, "unknown_lot"),
            ("no lot number", "abc", good, nil, 404, "unknown_lot"),
            ("no token", "1", nil, nil, 401, "bad_token"),
            ("malformed token", "1", "AAAA", nil, 401, "bad_token"),
            (
                "forged token", "1",
                TokenCodec(secret: String(repeating: "x", count: 32)).mint(cluster.claims(buyer: "x")), nil, 401,
                "bad_token"
            ),
            ("token of another lot", "1", cluster.token(buyer: "x", lot: 2), nil, 401, "bad_token"),
            ("expired token", "1", cluster.token(buyer: "x", lifetimeMilliseconds: -1), nil, 401, "token_expired"),
            ("early token", "1", cluster.token(buyer: "x", notBeforeMilliseconds: 60_000), nil, 403, "not_started"),
            ("foreign token", "1", cluster.token(buyer: "x", unit: 2), nil, 421, "wrong_unit"),
            ("quantity 0", "1", good, "{\"quantity\":0}", 400, "invalid_quantity"),
            ("negative quantity", "1", good, "{\"quantity\":-1}", 400, "invalid_quantity"),
            ("quantity over the limit", "1", good, "{\"quantity\":3}", 400, "invalid_quantity"),
            ("quantity that is no number", "1", good, "{\"quantity\":\"two\"}", 400, "invalid_json"),
            ("huge quantity", "1", good, "{\"quantity\":99999999999999999999}", 400, "invalid_json"),
            ("body that is no JSON", "1", good, "hello", 400, "invalid_json"),
            (
                "body too large", "1", good, "{\"quantity\":1,\"x\":\"" + String(repeating: "y", count: 5_000) + "\"}",
                413, "body_too_large"
            ),
        ]
        for one in cases {
            let response = try await cluster.buy(unit, lot: one.lot, token: one.token, body: one.body)
            #expect(response.status == one.status, "\(one.name): \(String(decoding: response.body, as: UTF8.self))")
            let problem = try JSON.decode(Problem.self, from: response.body)
            #expect(problem.code == one.code, "\(one.name)")
            #expect(response.headers["content-type"] == "application/problem+json", "\(one.name)")
            #expect(response.headers["www-authenticate"] == (one.status == 401 ? "Bearer" : nil), "\(one.name)")
            if one.code == "wrong_unit" { #expect(problem.location == cluster.units[1].url) }
        }
        try await self.internalCalls(cluster)
        cluster.stop()
        let lot = try Verifier(folder: cluster.folder).report().lots[0]
        #expect((lot.paid, lot.held, lot.pool + lot.available) == (0, 0, 40), "nothing has changed")
    }

    private func internalCalls(_ cluster: TestCluster) async throws {
        let unit = cluster.units[0]
        for (method, url) in [
            ("PUT", "\(unit.internalURL)/internal/v1/config"), ("POST", "\(unit.internalURL)/internal/v1/tokens"),
            ("GET", "\(cluster.center)/v1/quota"), ("POST", "\(cluster.center)/internal/v1/coordinators/lead"),
        ] {
            for secret in [nil, "wrong", cluster.secret("TRANCHE_PAYMENT_SECRET")] {
                let response = try await cluster.call(method, url, secret: secret, body: [])
                #expect(response.status == 401, "\(method) \(url)")
                #expect(response.headers["www-authenticate"] == "Bearer", "\(method) \(url)")
            }
        }
        let bad = ConfigPush(version: 900, epoch: Epoch(900), content: "{\"units\":[],\"sales\":[{}]}")
        let refused = try await cluster.call(
            "PUT", "\(unit.internalURL)/internal/v1/config", secret: cluster.secret("TRANCHE_CENTER_SECRET", of: unit),
            body: JSON.encode(bad))
        #expect((400..<500).contains(refused.status))
        let old = ConfigPush(version: 1, epoch: Epoch(900), content: "{\"sales\":[],\"units\":[]}")
        let stale = try await cluster.call(
            "PUT", "\(unit.internalURL)/internal/v1/config", secret: cluster.secret("TRANCHE_CENTER_SECRET", of: unit),
            body: JSON.encode(old))
        #expect(try JSON.decode(Problem.self, from: stale.body).code == "stale_config")
        let admin = cluster.secret("TRANCHE_ADMIN_SECRET")
        let unseen = try await cluster.call("POST", "\(cluster.center)/v1/sales/test/pause", secret: admin, body: [])
        #expect(unseen.status == 428)
        let outdated = try await cluster.call(
            "POST", "\(cluster.center)/v1/sales/test/pause", secret: admin, body: [], headers: ["If-Match": "\"1\""])
        #expect(outdated.status == 412)
        let unknown = try await cluster.call("GET", "\(cluster.center)/v1/sales/nothing", secret: admin, body: nil)
        #expect(try JSON.decode(Problem.self, from: unknown.body).code == "unknown_sale")
        let move = MoveBody(lot: LotID(1), from: UnitID(1), to: UnitID(77), quantity: 1)
        let lost = try await cluster.call(
            "POST", "\(cluster.center)/v1/quota/moves", secret: admin, body: JSON.encode(move))
        #expect(try JSON.decode(Problem.self, from: lost.body).code == "unknown_unit")
    }

    @Test(
        "one token makes one order, with the same bytes from lane and router; then it is paid, and then a payment is too late"
    )
    func oneTokenMakesOneOrder() async throws {
        let cluster = try await TestCluster.start(stock: 10, limit: 1, windowMilliseconds: 700)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let token = cluster.token(buyer: "anna")
        let first = try await cluster.buy(unit, token: token)
        #expect(first.status == 201)
        let order = try JSON.decode(OrderDocument.self, from: first.body)
        let again = try await cluster.buy(unit, token: token)
        #expect((again.status, again.body) == (201, first.body))
        // A query takes the request out of the express lane, to the ordinary router.
        let router = try await cluster.buy(unit, lot: "1", token: token, suffix: "?way=router")
        #expect((router.status, router.body) == (201, first.body))
        let status = try await cluster.call("GET", "\(unit.url)/v1/orders/\(order.order)", secret: nil, body: nil)
        #expect((status.status, status.body) == (200, first.body))
        let second = try await cluster.buy(unit, token: cluster.token(buyer: "anna"))
        #expect(try JSON.decode(Problem.self, from: second.body).code == "duplicate")

        for _ in 0..<2 { #expect(try await cluster.pay(unit, order.order, "p1").status == 200) }
        let other = try await cluster.pay(unit, order.order, "p2")
        #expect(try JSON.decode(Problem.self, from: other.body).code == "already_paid")
        let forged = try await cluster.pay(unit, order.order, "p1", secret: String(repeating: "z", count: 40))
        #expect(try JSON.decode(Problem.self, from: forged.body).code == "bad_signature")

        let late = try JSON.decode(
            OrderDocument.self, from: try await cluster.buy(unit, token: cluster.token(buyer: "ben")).body)
        try await cluster.wait(for: "expiry") { try await cluster.state(unit, late.order) == "expired" }
        let tooLate = try await cluster.pay(unit, late.order, "p3")
        #expect(try JSON.decode(Problem.self, from: tooLate.body).code == "payment_too_late")
        try await cluster.wait(for: "two refunds on the list") { try await cluster.refunds(unit).count == 2 }

        let cancelled = cluster.token(buyer: "carl")
        let mine = try JSON.decode(OrderDocument.self, from: try await cluster.buy(unit, token: cancelled).body)
        let foreign = try await cluster.call(
            "POST", "\(unit.url)/v1/orders/\(mine.order)/cancel", secret: token, body: [])
        #expect(foreign.status == 401)
        for _ in 0..<2 {
            let done = try await cluster.call(
                "POST", "\(unit.url)/v1/orders/\(mine.order)/cancel", secret: cancelled, body: [])
            #expect(try JSON.decode(OrderDocument.self, from: done.body).state == "cancelled")
        }
    }

    @Test("without center and coordinator, units sell exactly what they hold, also over restarts")
    func unitsSellAloneWhatTheyHold() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        cluster.signalAll("tranche-coordinator", SIGKILL)
        cluster.signalAll("tranche-config-center", SIGKILL)
        for unit in cluster.units {
            var sold = 0
            for number in 0..<5 where try await cluster.buySurely(unit, buyer: "early-\(unit.id)-\(number)") {
                sold += 1
            }
            // Killed and started again without a center: its Redis vouches for its ledger, and its rules are on disk.
            try await cluster.restartUnit(unit)
            for number in 0..<12 where try await cluster.buySurely(unit, buyer: "late-\(unit.id)-\(number)") {
                sold += 1
            }
            #expect(sold == 10, "\(unit.name) held 10")
        }
        cluster.stop()
        let report = try Verifier(folder: cluster.folder).report()
        #expect(report.isSound, "\(report.checks.flatMap(\.findings))")
        #expect(report.lots[0].held == 30)
    }

    @Test("verify finds what was changed by hand in the files") func verifyFindsTampering() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        for number in 0..<6 { #expect(try await cluster.buySurely(cluster.units[0], buyer: "b\(number)")) }
        try await cluster.wait(for: "a report of all orders") { try await cluster.quota().lots[0].units[0].live == 6 }
        cluster.stop()
        #expect(try Verifier(folder: cluster.folder).report().isSound)
        let ledger = "units/\(cluster.units[0].name)/ledger.sqlite"
        let log = "center/authority.sqlite"
        let sold = "position = (SELECT max(position) FROM journal WHERE substr(entries, 1, 1) = x'85')"
        let tampering: [(name: String, file: String, invariant: String, change: @Sendable (Database) throws -> Void)] =
            [
                ("a sale removed", ledger, "I4", { try $0.execute(sql: "DELETE FROM journal WHERE \(sold)") }),
                (
                    "a counter raised", ledger, "I2",
                    { try $0.execute(sql: "UPDATE accounts SET granted = granted + 1") }
                ),
                (
                    "an order doubled within its commit", ledger, "I4",
                    {
                        try $0.execute(
                            sql: "UPDATE journal SET entries = CAST(entries || entries AS BLOB) WHERE \(sold)")
                    }
                ),
                (
                    // The last report may not have reached the center yet.
                    "the last commits removed", ledger, "I4",
                    {
                        try $0.execute(
                            sql: "DELETE FROM journal WHERE position > (SELECT max(position) FROM journal) - 5")
                    }
                ),
                ("a second order of a buyer, with a digest that fits", ledger, "I12", { try Self.forge($0) }),
                (
                    "a grant raised in the log", log, "I1",
                    {
                        try $0.execute(
                            sql:
                                "UPDATE records SET record = CAST(replace(CAST(record AS TEXT), '\"total\":10', '\"total\":11') AS BLOB)"
                        )
                    }
                ),
                (
                    "a configuration changed", log, "I11",
                    {
                        try $0.execute(
                            sql:
                                "UPDATE configs SET content = CAST(replace(CAST(content AS TEXT), '\"stock\":30', '\"stock\":31') AS BLOB)"
                        )
                    }
                ),
            ]
        for (name, file, invariant, change) in tampering {
            let folder = try cluster.copyFiles()
            try await DatabaseQueue(path: "\(folder)/\(file)").write { try change($0) }
            let report = try Verifier(folder: folder).report()
            let broken = report.checks.filter { $0.verdict == .broken }.map(\.invariant)
            #expect(broken.contains(invariant), "\(name): found \(broken)")
        }
    }

    /// Appends one more order of a buyer who has one, with the digests that the ledger would have.
    private static func forge(_ database: Database) throws {
        let last = try Row.fetchOne(
            database, sql: "SELECT position, digest FROM journal ORDER BY position DESC LIMIT 1")!
        let order = Order(
            id: OrderID(high: 1, low: 1), buyer: BuyerID("b1")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(Instant(microseconds: 1)), deadline: .distantFuture)
        var bytes: [UInt8] = []
        EntryRow(.reserved(order)).encode(into: &bytes)
        let digest = (last[1] as Data).withUnsafeBytes { data in
            ChainDigest(
                high: UInt64(bigEndian: data.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: data.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
        let next = bytes.withUnsafeBytes { HashChain.next(after: digest, $0) }
        let stored = withUnsafeBytes(of: (next.high.bigEndian, next.low.bigEndian)) { Data($0) }
        try database.execute(
            sql: "INSERT INTO journal VALUES (?, ?, ?)",
            arguments: [(last[0] as Int64) + 1, stored, Data(bytes)])
        try database.execute(sql: "UPDATE accounts SET sold = sold + 1")
    }

    @Test("processes do not start without a required setting, and name it")
    func startNamesWhatIsMissing() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let file = "\(cluster.folder)/units/\(unit.name)/unit.yaml"
        let good = cluster.environment(of: unit)
        var secrets = good
        secrets["TRANCHE_TOKEN_SECRET"] = nil
        #expect(try cluster.output(of: "tranche-unit", file, secrets).contains("TRANCHE_TOKEN_SECRET is missing"))
        secrets["TRANCHE_TOKEN_SECRET"] = "short"
        #expect(try cluster.output(of: "tranche-unit", file, secrets).contains("has 5 bytes, but needs at least 32"))
        #expect(try cluster.output(of: "tranche-unit", file, good).contains("in use by another process"))
        let other = try TemporaryFolder.make()
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let portFile = other + "/unit.yaml"
        try text.replacing("\(cluster.folder)/units/\(unit.name)\"", with: "\(other)\"").write(
            toFile: portFile, atomically: true, encoding: .utf8)
        #expect(try cluster.output(of: "tranche-unit", portFile, good).contains("port is in use"))
        // The ledger of another unit.
        cluster.stop()
        let foreign = "\(cluster.folder)/units/\(cluster.units[1].name)/ledger.sqlite"
        // What was not checkpointed yet is in the write-ahead log.
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: foreign + suffix) {
            try FileManager.default.copyItem(atPath: foreign + suffix, toPath: other + "/ledger.sqlite\(suffix)")
        }
        #expect(
            try cluster.output(of: "tranche-unit", portFile, good).contains(
                "belongs to unit 2, not to unit 1"))
    }

    @Test("stock added while the sale runs is sold, and a move takes what it can")
    func addedStockIsSold() async throws {
        let cluster = try await TestCluster.start(stock: 9, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        for number in 0..<2 { #expect(try await cluster.buySurely(unit, buyer: "a\(number)")) }
        let moved = try cluster.run([
            "quota", "move", "--from", unit.name, "--to", cluster.units[1].name, "--items", "50",
        ])
        #expect(moved.output.contains("of 50 from") && moved.output.contains("no more unsold items"), "\(moved.output)")
        #expect(try cluster.run(["stock", "add", "1", "5"]).status == 0)
        for number in 0..<5 {
            #expect(
                try await cluster.buySurely(unit, buyer: "b\(number)"), "added stock reaches the unit that asks for it")
        }
        let tooMuch = try cluster.run(["stock", "add", "1", "2000000000"])
        #expect(tooMuch.status == 64 && tooMuch.output.contains("2000000000 is not in"))
        let tooMany = try cluster.run(["stock", "add", "1", "\(Limits.stockPerLot)"])
        #expect(tooMany.status == 1 && tooMany.output.contains("invalid_quantity"))
        let frozen = try cluster.run(["quota", "freeze"])
        #expect(frozen.output.contains("frozen"))
        let drained = try cluster.run(["unit", "drain", cluster.units[2].name])
        #expect(drained.output.contains("is drained"))
    }
}
