import Clusters
import CurlClient
import DaemonSupport
import Foundation
import LoadGenerator
import NIOConcurrencyHelpers
import Simulation
import Synchronization
import Terminal
import TrancheAPI
import TrancheCore
import Verification

/// A storm of payments on one unit, while unit and provider are killed; then the ledger's money beside the provider's.
final class PaymentStorm: Sendable {
    struct Settings {
        let events: Int
        let kills: Int
        let workers: Int
        let seed: UInt64
        static let price = Money(minor: 1_999, currency: Currency("EUR")!)!
        static let forgedPercent = 10
        static let connections = 64
        /// Of a hundred orders, so many make 100 payments or more.
        static let ordersPercent = 90
        static let settleSeconds = 600
        /// A reservation lasts for about half of the deliveries: the others find an order about which the provider was
        /// asked.
        var windowMilliseconds: Int64 { 10_000 + Int64(self.events) * 2 / 5 }
    }

    let settings: Settings
    let steps: Steps
    let unit: MeasuredUnit
    let signature: PaymentSignature
    private let curl = CurlClient()
    private let answers = NIOLockedValueBox<[Int: Int]>([:])
    private let forgedTaken = Atomic<Int>(0)
    private let delivered = Atomic<Int>(0)
    private let killed = Atomic<Int>(0)

    static func run(_ settings: Settings, _ steps: Steps) async throws -> PaymentReport {
        let orders = settings.events * Settings.ordersPercent / 100
        let unit = MeasuredUnit(
            lots: [MeasuredUnit.lot(MeasuredUnit.lot, stock: orders, price: Settings.price)],
            connections: 4 * Settings.connections, hasProvider: true, windowMilliseconds: settings.windowMilliseconds)
        return try await Stopping.run({ await unit.stop() }) {
            try await unit.start()
            let storm = PaymentStorm(settings: settings, steps: steps, unit: unit)
            defer { storm.curl.stop() }
            return try await storm.run(orders: orders)
        }
    }

    private init(settings: Settings, steps: Steps, unit: MeasuredUnit) {
        (self.settings, self.steps, self.unit) = (settings, steps, unit)
        self.signature = PaymentSignature(secret: unit.secret("TRANCHE_PAYMENT_SECRET"))
    }

    private func run(orders count: Int) async throws -> PaymentReport {
        let start = ContinuousClock.now
        let client = try unit.client
        let orders = try await self.buy(count)
        let cases = PaymentCases(
            orders: orders, events: self.settings.events, price: Settings.price, seed: self.settings.seed)
        try await self.charge(cases.wishes.filter { $0.kind != .late })
        let first = try await client.providerBook().map(\.charge)
        let began = ContinuousClock.now
        try await self.deliver(first, seed: self.settings.seed &+ 1, kills: self.settings.kills * 2 / 3)
        let perSecond = Double(self.delivered.load(ordering: .relaxed)) / (ContinuousClock.now - began).seconds
        try await self.waitForEnds(client)
        // Half of what is free is bought, so that one late payment revives its order, and the next one comes back.
        let free = try await client.quota().lots[0].units[0].available
        if free > 1 { _ = try await self.buy(free / 2) }
        try await self.charge(cases.wishes.filter { $0.kind == .late })
        let known = Set(first.map(\.payment))
        let late = try await client.providerBook().map(\.charge).filter { !known.contains($0.payment) }
        try await self.deliver(
            late, seed: self.settings.seed &+ 2, kills: self.settings.kills - self.settings.kills * 2 / 3)
        let isSettled = await self.steps.run("waiting for the refunds") {
            await client.waitForProvider(seconds: Settings.settleSeconds)
        }
        let provider = try await client.providerBook()
        guard let cluster = self.unit.cluster, let folder = self.unit.folder else {
            throw CommandError("the unit was stopped")
        }
        await cluster.stop()
        let verifier = try Verifier(folder: folder.path, acknowledged: orders)
        return PaymentReport(
            settings: self.settings, orders: orders.count, provider: provider, lateCharges: late,
            verifier: verifier, answers: self.answers.withLockedValue { $0 },
            forgedTaken: self.forgedTaken.load(ordering: .relaxed), kills: self.killed.load(ordering: .relaxed),
            isSettled: isSettled, deliveriesPerSecond: perSecond, seconds: (ContinuousClock.now - start).seconds)
    }

    private func buy(_ count: Int) async throws -> [OrderID] {
        try await self.steps.run("selling \(Output.number(count)) orders") {
            let tape = self.unit.buyTape(count: count)
            let result = try await Drive(
                port: self.unit.port, connections: Settings.connections, seconds: 120
            ).run(tape.tape)
            guard !result.created.isEmpty else { throw CommandError("the unit sells nothing: \(result.codes)") }
            return result.created.map { tape.orders[$0] }
        }
    }

    /// Buyers pay at the provider, which calls nobody back.
    private func charge(_ wishes: [PaymentCases.Wish]) async throws {
        guard !wishes.isEmpty else { return }
        try await self.steps.run("\(Output.number(wishes.count)) payments at the provider") {
            var tape = RequestTape()
            for wish in wishes {
                let body = JSON.encode(wish.body)
                tape.append(
                    "POST \(ProviderForm.paymentsPath) HTTP/1.1\r\nHost: tranche\r\nContent-Type: application/json\r\n"
                        + "Authorization: Bearer \(self.unit.secret(ClusterLayout.providerSecretName))\r\n"
                        + "\(ProviderForm.keyHeader): \(wish.key)\r\nContent-Length: \(body.count)\r\n\r\n",
                    body: body)
            }
            let result = try await Drive(
                port: self.unit.providerPort, connections: Settings.connections, seconds: 300
            ).run(tape)
            guard result.statuses[201] == wishes.count else {
                throw CommandError("the provider took \(result.codes) of \(wishes.count) payments")
            }
        }
    }

    // MARK: callbacks

    private func deliver(_ charges: [ChargeDocument], seed: UInt64, kills: Int) async throws {
        guard !charges.isEmpty else { return }
        let all = Delivery.shuffled(charges, forgedPercent: Settings.forgedPercent, seed: seed)
        try await self.steps.run("\(Output.number(all.count)) callbacks and \(kills) kills") {
            let next = NIOLockedValueBox(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.kill(kills, of: all.count, next, seed: seed) }
                for _ in 0..<self.settings.workers {
                    group.addTask {
                        while let index = Self.take(next, of: all.count) { try await self.send(all[index]) }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func take(_ next: NIOLockedValueBox<Int>, of count: Int) -> Int? {
        next.withLockedValue { next in
            guard next < count else { return nil }
            next += 1
            return next - 1
        }
    }

    /// Sends a callback until the unit has said what it does with it.
    private func send(_ delivery: Delivery) async throws {
        let body = JSON.encode(
            PaymentBody(order: delivery.order, payment: delivery.payment, amount: delivery.amount))
        let forger = PaymentSignature(secret: String(repeating: "f", count: 64))
        for _ in 0..<2_400 {
            let signature = (delivery.isForged ? forger : self.signature).sign(body, at: SystemClock.now())
            let request = CurlRequest(
                "POST", "http://127.0.0.1:\(self.unit.port)/v1/payments/callback",
                headers: ["Content-Type": "application/json", PaymentSignature.header: signature], body: body,
                timeoutMilliseconds: 5_000, bodyLimitBytes: 65_536)
            if let status = try? await self.curl.send(request).status, status != 503 {
                self.answers.withLockedValue { $0[status, default: 0] += 1 }
                if delivery.isForged, status != 401 { self.forgedTaken.add(1, ordering: .relaxed) }
                self.delivered.add(1, ordering: .relaxed)
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandError("the unit gave no answer about payment \(delivery.payment) for two minutes")
    }

    /// Kills unit and provider, at drawn places of the deliveries, and starts them again.
    private func kill(_ count: Int, of deliveries: Int, _ next: NIOLockedValueBox<Int>, seed: UInt64) async throws {
        guard let cluster = self.unit.cluster else { return }
        var random = SeededRandom(seed: seed &+ 77)
        let places = (0..<count).map { _ in random.number(0...max(0, deliveries * 9 / 10)) }.sorted()
        for (number, place) in places.enumerated() {
            while next.withLockedValue({ $0 }) < place { try await Task.sleep(for: .milliseconds(2)) }
            let part: LocalCluster.Part = number % 3 == 2 ? .provider : .unit(MeasuredUnit.name)
            self.steps.say("  kill -9 \(part)")
            cluster.kill(part)
            self.killed.add(1, ordering: .relaxed)
            try await Task.sleep(for: .milliseconds(random.number(0...200)))
            try cluster.start(part)
            try await cluster.waitUntilHealthy()
        }
    }

    /// Waits until no order of the storm is reserved.
    private func waitForEnds(_ client: AdminClient) async throws {
        try await self.steps.run("waiting for the end of reservations") {
            let end = ContinuousClock.now + .seconds(Settings.settleSeconds)
            while true {
                if let lot = try? await client.quota().lots.first, let unit = lot.units.first, unit.live == unit.paid {
                    return
                }
                guard ContinuousClock.now < end else { throw CommandError("reservations have not ended") }
                try await Task.sleep(for: .milliseconds(300))
            }
        }
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18
    }
}
