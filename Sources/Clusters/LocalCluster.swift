import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import Terminal
import TrancheCore
package import WideArea

/// Real processes on this machine: a center, two coordinators, and a unit with a Redis for each region, and a gate with
/// another Redis, if the layout has gates; and the sample shop and the sample provider, if it has them.
package final class LocalCluster: Sendable {
    package enum Part: Hashable, Sendable, CustomStringConvertible {
        case center, otherCenter, coordinator, standby, shop, provider
        case unit(String), redis(String), gate(String), gateRedis(String)
        package var description: String {
            switch self {
            case .center: "config-center"
            case .otherCenter: "second config-center"
            case .coordinator: "coordinator"
            case .standby: "second coordinator"
            case .unit(let name): "unit \(name)"
            case .redis(let name): "redis of \(name)"
            case .gate(let name): "gate \(name)"
            case .gateRedis(let name): "redis of gate \(name)"
            case .shop: "sample shop"
            case .provider: "sample provider"
            }
        }
    }

    package let folder: ClusterFolder
    package let layout: ClusterLayout
    /// Errors of units' clocks, in microseconds, by unit name, to rehearse wrong clocks. A unit reads its error at its
    /// start.
    private let clockOffsets: NIOLockedValueBox<[String: Int]>
    /// Wrong secrets for the center, by part, to rehearse an operator's mistake.
    private let wrongSecrets = NIOLockedValueBox<[Part: String]>([:])
    let wide: WideArea?
    /// Connections that a unit accepts, all of them from one address; `nil` for the unit's own limits.
    let connectionsPerUnit: Int?
    /// Of units that keep their ledger in PostgreSQL and find their Redis by Sentinels, by unit name.
    let stores: [String: UnitStores]
    /// Whether processes read their secrets from files, and not from their environment.
    let hasSecretFiles: Bool
    /// More environment of units, from their next start.
    private let unitEnvironment = NIOLockedValueBox<[String: String]>([:])
    private let processes = NIOLockedValueBox<[Part: ChildProcess]>([:])
    /// After a stop, no process is started any more, although a nemesis may still try to repair parts.
    private let isStopping = NIOLockedValueBox(false)
    /// Processes that ended by themselves.
    private let died = NIOLockedValueBox<[ProcessDeath]>([])
    private let watch = NIOLockedValueBox<Task<Void, Never>?>(nil)
    private let onDeath: @Sendable (ProcessDeath) -> Void
    private static let watchMilliseconds = 100

    /// - Parameters:
    ///   - connectionsPerUnit: A measurement comes from one address, as a crowd does not, and so needs another limit.
    ///   - stores: Of units that have no Redis and no ledger of their own beside them. The caller runs them, and the
    ///     PostgreSQL of the centers, whose standbys must confirm then.
    ///   - hasSecretFiles: Whether processes get their secrets as files, which may be replaced while they run.
    ///   - onDeath: Called for each process that ended by itself; it may start the process again.
    package init(
        folder: ClusterFolder, layout: ClusterLayout, wan: WideAreaPlan? = nil, clockOffsets: [String: Int] = [:],
        connectionsPerUnit: Int? = nil, stores: [String: UnitStores] = [:], hasSecretFiles: Bool = false,
        onDeath: @escaping @Sendable (ProcessDeath) -> Void = { _ in }
    ) {
        self.onDeath = onDeath
        self.connectionsPerUnit = connectionsPerUnit
        self.stores = stores
        self.hasSecretFiles = hasSecretFiles
        self.wide = wan.map { WideArea($0) }
        self.clockOffsets = NIOLockedValueBox(clockOffsets)
        self.folder = folder
        self.layout = layout
    }

    private var centers: [Part] { self.layout.otherCenterPort == nil ? [.center] : [.center, .otherCenter] }

    func hasRedis(_ unit: String) -> Bool { self.stores[unit] == nil }

    package var parts: [Part] {
        self.layout.units.flatMap { (self.hasRedis($0.name) ? [.redis($0.name)] : []) + [.unit($0.name)] }
            + self.centers + [.coordinator, .standby]
            + self.layout.gates.flatMap { [.gateRedis($0.name), .gate($0.name)] }
            + (self.layout.shopPort == nil ? [] : [.shop]) + (self.layout.providerPort == nil ? [] : [.provider])
    }

    package func start() async throws {
        try await self.startLinks()
        try self.folder.make(self.folder.backtraces)
        for name in self.layout.units.map(\.name) {
            try self.folder.make(self.folder.unit(name))
            let socket = self.folder.socket(name)
            guard socket.utf8.count < 108 else {
                throw CommandError("\(socket) is too long for a socket: choose a shorter --data")
            }
        }
        for name in self.layout.gates.map(\.name) { try self.folder.make(self.folder.gate(name)) }
        try self.folder.make(self.folder.path + "/center")
        self.startWatch()
        if self.layout.shopPort != nil {
            try self.folder.make(self.folder.shop)
            try self.start(.shop)
        }
        if self.layout.providerPort != nil {
            try self.folder.make(self.folder.provider)
            try self.start(.provider)
        }
        for name in self.layout.units.map(\.name) where self.hasRedis(name) { try self.start(.redis(name)) }
        for center in self.centers { try self.start(center) }
        for name in self.layout.units.map(\.name) { try self.start(.unit(name)) }
        try self.start(.coordinator)
        try self.start(.standby)
        for name in self.layout.gates.map(\.name) {
            try self.start(.gateRedis(name))
            try self.start(.gate(name))
        }
    }

    private func startLinks() async throws {
        guard let wide, let control = self.layout.controlPort else { return }
        for unit in self.layout.units {
            guard let links = unit.links else { continue }
            let hub = WideArea.hub
            try await wide.connect(port: links.center, target: self.layout.centerPort, from: unit.name, to: hub)
            try await wide.connect(
                port: links.coordinator, target: self.layout.coordinatorPort, from: unit.name, to: hub)
            try await wide.connect(port: links.standby, target: self.layout.standbyPort, from: unit.name, to: hub)
            try await wide.connect(port: links.unit, target: unit.internalPort, from: hub, to: unit.name)
        }
        wide.serveControl(port: control, logger: Logger(label: "links") { _ in SwiftLogNoOpLogHandler() })
    }

    /// The traffic of the links so far.
    package var links: [WideArea.Report] { self.wide?.report ?? [] }

    /// Changes one direction of a wide-area link, as `REGION>hub` or `hub>REGION`.
    package func setLink(_ name: String, _ state: LinkState) throws { try self.wide?.set(name, state) }

    package func start(_ part: Part) throws {
        guard !self.isStopping.withLockedValue({ $0 }) else { throw CommandError("the cluster is stopping") }
        // A process gets only the secrets and the environment that it needs.
        let secrets = self.secrets(of: part)
        if self.hasSecretFiles { try self.writeSecrets(secrets, of: part) }
        let (path, arguments) = try self.command(part)
        let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
            .merging(self.hasSecretFiles ? [:] : secrets) { $1 }
            .merging(self.environment(of: part)) { $1 }
            .merging(Backtraces.environment(folder: self.folder.backtraces)) { $1 }
        let process = try ChildProcess(path, arguments, environment: environment, log: self.log(part))
        self.processes.withLockedValue { $0[part] = process }
    }

    /// Gives units more environment, from their next start.
    package func setUnitEnvironment(_ values: [String: String]) { self.unitEnvironment.withLockedValue { $0 = values } }

    private func environment(of part: Part) -> [String: String] {
        if case .unit = part { self.unitEnvironment.withLockedValue { $0 } } else { [:] }
    }

    /// Sets an error of a unit's clock, which applies from its next start.
    package func setClockOffset(_ name: String, microseconds: Int) {
        self.clockOffsets.withLockedValue { $0[name] = microseconds }
    }

    func clockOffset(_ name: String) -> Int { self.clockOffsets.withLockedValue { $0[name] ?? 0 } }

    /// Gives a part a wrong secret for the center, from its next start; `nil`: the right one.
    package func setWrongSecret(_ secret: String?, of part: Part) {
        self.wrongSecrets.withLockedValue { $0[part] = secret }
    }

    private func secrets(of part: Part) -> [String: String] {
        var secrets = self.layout.secrets(of: part)
        if case .unit(let name) = part, let stores = self.stores[name] { secrets.merge(stores.secrets) { $1 } }
        guard let wrong = self.wrongSecrets.withLockedValue({ $0[part] }) else { return secrets }
        return secrets.merging(["TRANCHE_UNIT_SECRET": wrong]) { $1 }
    }

    /// Starts to check periodically for processes that ended by themselves.
    func startWatch() {
        let task = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(Self.watchMilliseconds))
                guard let self else { return }
                for death in self.takeDead() {
                    self.died.withLockedValue { $0.append(death) }
                    self.onDeath(death)
                }
            }
        }
        self.watch.withLockedValue { $0 = task }
    }

    private func takeDead() -> [ProcessDeath] {
        self.processes.withLockedValue { processes in
            processes.compactMap { part, process in
                guard let ending = process.ending else { return nil }
                processes[part] = nil
                return ProcessDeath(
                    part: part, pid: process.pid, ending: ending,
                    backtrace: Backtraces.find(folder: self.folder.backtraces, pid: process.pid), log: self.log(part))
            }
        }
    }

    /// Processes that ended by themselves, in order.
    package var deaths: [ProcessDeath] { self.died.withLockedValue { $0 } }

    /// The process id of a part, while it runs.
    package func process(_ part: Part) -> Int32? { self.processes.withLockedValue { $0[part] }?.pid }

    package func isRunning(_ part: Part) -> Bool { self.processes.withLockedValue { $0[part]?.isRunning ?? false } }

    /// Kills a part with SIGKILL, which has the effect of a crash.
    package func kill(_ part: Part) { self.processes.withLockedValue { $0.removeValue(forKey: part) }?.crash() }

    /// Sends a signal to a part: SIGSTOP pauses it, SIGCONT resumes it.
    package func signal(_ part: Part, _ signal: Int32) { self.processes.withLockedValue { $0[part] }?.send(signal) }

    /// Stops a part, and waits for it.
    package func stop(_ part: Part) async {
        guard let process = self.processes.withLockedValue({ $0.removeValue(forKey: part) }) else { return }
        process.send(SIGTERM)
        process.send(SIGCONT)  // A paused process does not handle SIGTERM.
        for _ in 0..<600 where process.isRunning { try? await Task.sleep(for: .milliseconds(25)) }
        process.crash()
    }

    /// Stops all processes: gates, coordinators and center first, then units, the shop and the provider that they call, and Redis
    /// last.
    package func stop() async {
        self.isStopping.withLockedValue { $0 = true }
        self.watch.withLockedValue { $0 }?.cancel()
        await withDiscardingTaskGroup { group in
            for gate in self.layout.gates { group.addTask { await self.stop(.gate(gate.name)) } }
        }
        for part in [.standby, .coordinator] as [Part] + self.centers.reversed() { await self.stop(part) }
        await withDiscardingTaskGroup { group in
            for unit in self.layout.units { group.addTask { await self.stop(.unit(unit.name)) } }
        }
        await self.stop(.shop)
        await self.stop(.provider)
        for unit in self.layout.units { await self.stop(.redis(unit.name)) }
        for gate in self.layout.gates { await self.stop(.gateRedis(gate.name)) }
        await self.wide?.close()
    }

    /// Waits until all parts answer.
    package func waitUntilHealthy(seconds: Int = 20) async throws {
        let client = AdminClient(self.layout)
        // A unit is ready when the center has accepted its ledger.
        let addresses =
            self.layout.centers.all.map { $0 + "/healthz" } + [self.layout.coordinatorURL + "/healthz"]
            + self.layout.units.map { $0.publicURL + "/readyz" }
            + self.layout.gates.map { $0.publicURL + "/readyz" }
            + [self.layout.shopURL, self.layout.providerURL].compactMap { $0 }.map { $0 + "/healthz" }
        let end = ContinuousClock.now + .seconds(seconds)
        for address in addresses {
            while await !client.answers(address) {
                if let dead = self.parts.first(where: { !self.isRunning($0) }) {
                    throw CommandError(
                        "the \(dead) ended at its start; the last lines of \(self.log(dead)):\n\(self.lastWords(dead))")
                }
                guard ContinuousClock.now < end else {
                    throw CommandError("\(address) does not answer; see the logs below \(self.folder.path)")
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func lastWords(_ part: Part) -> String {
        let text =
            FileManager.default.contents(atPath: self.log(part)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").suffix(5).joined(separator: "\n")
    }
}
