/// The targets of the figures. The project sets them itself; the report prints a missed target as missed.
extension ComparisonReport {
    mutating func judge() {
        self.judgements = []
        for connections in Comparison.connectionCounts {
            self.judgeOrders(connections)
            self.judgeRefusals(connections)
        }
        self.judgePostgres()
        if let open = self.rows.first(where: \.isOpenLoop) {
            self.add("open loop at half the ceiling, p99", open.p99Milliseconds, atMost: 5, " ms")
            self.add("open loop at half the ceiling, p99.9", open.p999Milliseconds, atMost: 15, " ms")
        }
        if let durability {
            self.add("orders acknowledged before kill -9 and lost", Double(durability.lost), atMost: 0)
        }
        if let scale {
            self.add(
                "\(scale.orders) orders: kill -9 to first sale, Redis empty", scale.restartSeconds, atMost: 3, " s")
            self.add("\(scale.orders) orders: resident memory", scale.residentMegabytes, atMost: 300, " MB")
            self.add(
                "\(scale.orders) orders: resident memory after the restart", scale.restartedMegabytes, atMost: 300,
                " MB")
        }
        if let center {
            self.add("center: units reporting 10 times a second on one core", center.unitsServed, atLeast: 1_000)
        }
        if let simulation {
            self.add("8 units, \(simulation.items) items: unsold", Double(simulation.unsold), atMost: 0)
            self.add("8 units: time to sell out against one ideal counter", simulation.slowdown, atMost: 1.05, " x")
            self.add("simulated events a second of one core", simulation.eventsPerSecond, atLeast: 1_000_000)
        }
    }

    private mutating func judgeOrders(_ connections: Int) {
        guard let unit = self.row("tranche", .orders, connections) else { return }
        for (peer, rate, cpu) in [
            ("A everysec", 1.5, 0.6), ("A always", 2.0, 0.6), ("A merged, always", 1.2, 1.0),
        ] {
            guard let other = self.row(peer, .orders, connections) else { continue }
            self.add(
                "orders/s against \(peer), \(connections) connections", unit.perSecond / other.perSecond, atLeast: rate,
                " x")
            if let mine = unit.cpuMicroseconds, let theirs = other.cpuMicroseconds {
                self.add(
                    "CPU per order against \(peer), \(connections) connections", mine / theirs, atMost: cpu, " x")
            }
        }
    }

    private mutating func judgeRefusals(_ connections: Int) {
        guard let unit = self.rate("tranche", .refusals, connections) else { return }
        for (peer, target) in [("A everysec", 0.9), ("D nginx return", 0.8)] {
            if let other = self.rate(peer, .refusals, connections) {
                self.add(
                    "refusals/s against \(peer == "A everysec" ? "A's flag" : "D"), \(connections) connections",
                    unit / other, atLeast: target, " x")
            }
        }
        if let statuses = self.rate("tranche", .statuses, connections) {
            self.add(
                "status questions/s against refusals/s, \(connections) connections", statuses / unit, atLeast: 0.5, " x"
            )
        }
    }

    private mutating func judgePostgres() {
        let hot = self.rows.filter { $0.contender.hasPrefix("B ") }
        guard let unit = self.rate("tranche", .orders, 64), let best = hot.map(\.perSecond).max() else { return }
        if let many = hot.first(where: { $0.connections == 64 }) {
            self.add("orders/s against B at 64 clients", unit / many.perSecond, atLeast: 20, " x")
        }
        self.add("orders/s against B at its best", unit / best, atLeast: 6, " x")
    }

    private mutating func add(_ figure: String, _ value: Double?, atLeast target: Double, _ unit: String = "") {
        guard let value else { return }
        self.judgements.append(Judgement(figure: figure, value: value, target: target, isAtLeast: true, unit: unit))
    }

    private mutating func add(_ figure: String, _ value: Double?, atMost target: Double, _ unit: String = "") {
        guard let value else { return }
        self.judgements.append(Judgement(figure: figure, value: value, target: target, isAtLeast: false, unit: unit))
    }
}
