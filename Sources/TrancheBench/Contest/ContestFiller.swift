import Clusters
import CurlClient
import Terminal
import TrancheAPI
import TrancheCore

/// Plays the leading coordinator, and fills a contest with decided requests of units that do not exist.
///
/// Every tenth request waits in the line for one batch, so it has two verdicts; all others have one. None gets stock.
struct ContestFiller {
    static let units: ClosedRange<UInt16> = 901...903
    private static let timeoutMilliseconds = 30_000

    let layout: ClusterLayout
    let lot: LotID
    private let curl: CurlClient
    private let epoch: Epoch
    private var batch: UInt64
    private var frontier: Place
    private var numbers = 0
    private var waiting: [OrderID] = []

    /// Takes the lead as soon as the last leader has been silent for long enough.
    init(_ layout: ClusterLayout, lot: LotID, curl: CurlClient) async throws {
        (self.layout, self.lot, self.curl) = (layout, lot, curl)
        let body = JSON.encode(LeadBody(url: "http://127.0.0.1:9"))
        var leadership: Leadership?
        for _ in 0..<100 where leadership == nil {
            let answer = try? await Self.call(layout, curl, "POST", "/coordinators/lead", body)
            leadership = answer.flatMap { try? JSON.decode(Leadership.self, from: $0) }
            if leadership == nil { try await Task.sleep(for: .milliseconds(50)) }
        }
        guard let leadership else { throw CommandError("another coordinator keeps the lead") }
        self.epoch = leadership.epoch
        let bytes = try await Self.call(
            layout, curl, "GET", "/contests/\(lot)?epoch=\(leadership.epoch.rawValue)&from=0", nil)
        let head = try ContestPageWire.page(bytes).page.head
        (self.batch, self.frontier) = (head.batches, head.frontier)
    }

    /// - Parameter now: The requests' stamps are older than this.
    mutating func fill(_ count: Int, now: Instant, progress: (Int) -> Void) async throws {
        let first = now.advanced(milliseconds: -7_200_000)
        while self.numbers < count || !self.waiting.isEmpty {
            let passed = (0..<min(Limits.entrantsPerBatch, count - self.numbers)).map { _ in self.entrant(after: first)
            }
            let ends = self.waiting + passed.filter { $0.order.low % 10 != 0 }.map(\.order)
            self.waiting = passed.filter { $0.order.low % 10 == 0 }.map(\.order)
            self.batch += 1
            let command = ContestCommand(
                epoch: self.epoch,
                batch: ContestBatch(
                    number: self.batch, at: now, frontier: self.frontier, passed: passed, allocated: [], released: ends,
                    waited: []))
            _ = try await Self.call(self.layout, self.curl, "POST", "/contests/\(self.lot)", JSON.encode(command))
            progress(self.numbers)
        }
    }

    private mutating func entrant(after first: Instant) -> ContestBatch.Entrant {
        let number = self.numbers
        self.numbers += 1
        let stamp = Stamp(Instant(microseconds: first.microseconds + Int64(number)))
        let units = Int(Self.units.upperBound - Self.units.lowerBound) + 1
        return ContestBatch.Entrant(
            order: OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64(number)),
            unit: UnitID(Self.units.lowerBound + UInt16(number % units)), generation: Generation(1), quantity: 1,
            place: Place(stamp: stamp, tie: UInt64.random(in: 0...UInt64.max)), stamp: stamp, uncertainty: 500,
            isLate: false, index: number / units)
    }

    private static func call(
        _ layout: ClusterLayout, _ curl: CurlClient, _ method: String, _ path: String, _ body: [UInt8]?
    ) async throws -> [UInt8] {
        let headers = [
            "Authorization": "Bearer \(layout.secret("TRANCHE_COORDINATOR_SECRET"))",
            "Content-Type": "application/json",
        ]
        let response = try await curl.send(
            CurlRequest(
                method, layout.centerURL + "/internal/v1" + path, headers: headers, body: body,
                timeoutMilliseconds: Self.timeoutMilliseconds))
        guard response.status == 200 else {
            throw CommandError(
                "\(method) \(path): status \(response.status), \(String(decoding: response.body.prefix(200), as: UTF8.self))"
            )
        }
        return response.body
    }
}
