import ExpressParsing
import Foundation
import LedgerRows
import TrancheAPI
import TrancheCore

/// A part of the hot path, which runs many times.
struct Benchmark {
    let name: String
    /// The maximum number of allocations of one operation. It is what the code needs today; raise it only for a reason.
    let allocationsLimit: Double
    /// Operations that one call of `body` does.
    let operations: Int
    let body: () -> Void
}

/// Prevents the optimiser from removing a value.
@inline(never) func use<Value>(_ value: Value) {}

enum Benchmarks {
    static let secret = "a-secret-of-32-bytes-for-benches"
    static let now = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)
    static let batch = 64

    static func order(_ number: Int) -> OrderID {
        OrderID(high: UInt64(number) &* 0x9E37_79B9_7F4A_7C15, low: UInt64(number))
    }

    static func request(_ number: Int) -> BuyRequest {
        BuyRequest(
            Purchase(
                order: self.order(number), buyer: BuyerID("buyer-\(number)")!, lot: self.lot, quantity: 1,
                issuedAt: self.now),
            stamp: Stamp(self.now), ticket: UInt64(number))
    }

    static var all: [Benchmark] {
        [
            self.parse(), self.token(), self.stamp(), self.answer(), self.admission(), self.admission(lots: 1_000),
            self.encode(), self.merge(), TallyBench.purchase(),
        ] + GateBench.all
    }

    static func parse() -> Benchmark {
        let text = Array(
            ("POST /v1/lots/1/orders HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer "
                + String(repeating: "A", count: 124) + "\r\nContent-Length: 0\r\n\r\n").utf8)
        return Benchmark(name: "parse a buy request", allocationsLimit: 0, operations: 1) {
            text.withUnsafeBytes { use(ExpressParser.parse($0)) }
        }
    }

    static func token() -> Benchmark {
        let codec = TokenCodec(secret: self.secret)
        let text = Array(
            codec.mint(
                PurchaseToken(
                    order: self.order(1), lot: self.lot, home: UnitID(1), buyer: BuyerID("buyer-1")!,
                    issuedAt: self.now,
                    notBefore: self.now, expiresAt: .distantFuture)
            ).utf8)
        return Benchmark(name: "check a token", allocationsLimit: 3, operations: 1) {
            text.withUnsafeBytes { bytes in use(try? codec.open(bytes)) }
        }
    }

    static func stamp() -> Benchmark {
        var clock = HybridClock(durableCeiling: .zero)
        if let ceiling = clock.ceilingWanted(now: self.now) { clock.raise(ceiling: ceiling) }
        var time = self.now
        return Benchmark(name: "stamp", allocationsLimit: 0, operations: 1) {
            time = Instant(microseconds: time.microseconds + 1)
            if let ceiling = clock.ceilingWanted(now: time) { clock.raise(ceiling: ceiling) }
            use(clock.stamp(now: time))
        }
    }

    static func answer() -> Benchmark {
        let order = Order(
            id: self.order(1), buyer: BuyerID("buyer-1")!, lot: self.lot, quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(self.now), deadline: self.now)
        var bytes: [UInt8] = []
        return Benchmark(name: "write an order's document", allocationsLimit: 0, operations: 1) {
            bytes.removeAll(keepingCapacity: true)
            OrderDocument.encode(order, into: &bytes)
        }
    }

    /// The whole path of a batch through the rules: desk, machine, Redis's verdicts, entries, publication.
    ///
    /// - Parameter lots: Open lots of the unit, of which one is asked for.
    static func admission(lots: UInt32 = 1) -> Benchmark {
        let unit = AdmissionBench(lots: lots)
        var number = 0
        let name = "admit, of a batch of \(self.batch)" + (lots == 1 ? "" : ", \(lots) lots")
        return Benchmark(name: name, allocationsLimit: 0.25, operations: self.batch) {
            unit.admit(from: number, count: self.batch)
            number += self.batch
        }
    }

    static func encode() -> Benchmark {
        let entries = (0..<self.batch).map { number in
            LedgerEntry.reserved(
                Order(
                    id: self.order(number), buyer: BuyerID("buyer-\(number)")!, lot: self.lot, quantity: 1,
                    buyerLimit: 1,
                    generation: Generation(1), stamp: Stamp(self.now), deadline: self.now))
        }
        var bytes: [UInt8] = []
        return Benchmark(
            name: "encode an entry, of a batch of \(self.batch)", allocationsLimit: 0, operations: self.batch
        ) {
            bytes.removeAll(keepingCapacity: true)
            for entry in entries { EntryRow(entry).encode(into: &bytes) }
        }
    }

    static func merge() -> Benchmark {
        var bench = MergeBench()
        return Benchmark(
            name: "merge a candidate, of batches of \(self.batch)", allocationsLimit: 3.3,
            operations: MergeBench.units * self.batch
        ) { bench.round() }
    }
}
