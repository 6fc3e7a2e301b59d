import Foundation
import Terminal

/// The results of one comparison.
struct ComparisonReport: Codable {
    struct Row: Codable {
        let contender: String
        let workload: String
        let connections: Int
        let settings: String
        let durability: String
        let isOpenLoop: Bool
        let perSecond: Double
        let p50Milliseconds: Double?
        let p99Milliseconds: Double?
        let p999Milliseconds: Double?
        let cpuMicroseconds: Double?
        let rates: [Double]
        let samples: [Sample]

        init(
            _ contender: any Contender, _ workload: Workload, connections: Int, _ samples: [Sample],
            isOpenLoop: Bool = false
        ) {
            self.contender = contender.name
            self.workload = workload.rawValue
            self.connections = connections
            self.settings = contender.settings
            self.durability = contender.durability
            self.isOpenLoop = isOpenLoop
            self.perSecond = median(samples.map(\.perSecond))
            self.p50Milliseconds = median(samples.map(\.p50Milliseconds))
            self.p99Milliseconds = median(samples.map(\.p99Milliseconds))
            self.p999Milliseconds = median(samples.map(\.p999Milliseconds))
            self.cpuMicroseconds = median(samples.map(\.cpuMicroseconds))
            self.rates = samples.map(\.perSecond)
            self.samples = samples
        }

        /// The row of a peer with its own generator.
        init(_ contender: String, _ durability: String, _ settings: String, connections: Int, _ rates: [Double]) {
            self.contender = contender
            self.workload = Workload.orders.rawValue
            self.connections = connections
            self.settings = settings
            self.durability = durability
            self.isOpenLoop = false
            self.perSecond = median(rates)
            (self.p50Milliseconds, self.p99Milliseconds, self.p999Milliseconds) = (nil, nil, nil)
            self.cpuMicroseconds = nil
            self.rates = rates
            self.samples = []
        }

        var line: String {
            let latency = self.p99Milliseconds.map {
                String(
                    format: ", p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, %.1f us of CPU", self.p50Milliseconds ?? 0, $0,
                    self.p999Milliseconds ?? 0, self.cpuMicroseconds ?? 0)
            }
            return "\(self.contender): \(Output.number(Int(self.perSecond)))/s\(latency ?? "")  (\(self.settings))"
        }
    }

    /// A figure and its target.
    struct Judgement: Codable {
        let figure: String
        let value: Double
        let target: Double
        let isAtLeast: Bool
        let unit: String
        var isMet: Bool { self.isAtLeast ? self.value >= self.target : self.value <= self.target }
    }

    var versions: [String: String] = [:]
    var rows: [Row] = []
    var durability: DurabilityRun?
    var scale: ScaleRun?
    var center: CenterRun?
    var simulation: SimulationRun?
    var judgements: [Judgement] = []

    func row(_ contender: String, _ workload: Workload, _ connections: Int) -> Row? {
        self.rows.first {
            $0.contender == contender && $0.workload == workload.rawValue && $0.connections == connections
                && !$0.isOpenLoop
        }
    }

    func rate(_ contender: String, _ workload: Workload, _ connections: Int) -> Double? {
        self.row(contender, workload, connections)?.perSecond
    }

    func save(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
    }

    func print() {
        let rows = self.rows.map { row -> [String] in
            [
                "\(row.contender)\(row.isOpenLoop ? ", open loop" : "")", row.workload, String(row.connections),
                Output.number(Int(row.perSecond)),
                row.p99Milliseconds.map { String(format: "%.2f", $0) } ?? "",
                row.p999Milliseconds.map { String(format: "%.2f", $0) } ?? "",
                row.cpuMicroseconds.map { String(format: "%.1f", $0) } ?? "", row.durability,
            ]
        }
        Output.line()
        let header = ["contender", "asks for", "connections", "per second", "p99 ms", "p99.9 ms", "CPU us", "durable"]
        for line in Output.table(header, rows) { Output.line(line) }
        Output.line()
        let judged = self.judgements.map { one -> [String] in
            let format: (Double) -> String = { $0 >= 100 ? Output.number(Int($0)) : String(format: "%.2f", $0) }
            return [
                one.figure, format(one.value) + one.unit,
                (one.isAtLeast ? "at least " : "at most ") + format(one.target),
                one.isMet ? Output.green("met") : Output.red("missed"),
            ]
        }
        for line in Output.table(["figure", "measured", "target", ""], judged) { Output.line(line) }
        Output.line()
        for (name, version) in self.versions.sorted(by: { $0.key < $1.key }) { Output.line("\(name): \(version)") }
    }
}

func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
