import ArgumentParser
import DaemonSupport
import Dispatch
import Foundation
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import WideArea

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start a local cluster: center, coordinator, and a unit with its Redis per region.",
        discussion:
            """
            Everything lives in one data folder, with random secrets. Ctrl-C stops it cleanly; the next `up` goes on with it.
            A process that dies by itself is named, with its signal and where its backtrace is, and started again. All
            processes end with this one, whatever ends it.
            """
    )

    @OptionGroup var common: CommonOptions
    @Option(help: "Regions, separated by commas; us-east, eu-west and ap-south if not given.") var regions: String?
    @Option(help: "Put wide-area links between the regions and the center: a YAML file with REGION.delay in ms.")
    var wan: String?
    @Option(help: "Set clocks wrong: microseconds for each region, as us-east=-1000,ap-south=1000.")
    var clockOffsets: String?
    @Option(help: "Encrypt what processes say to each other: a folder with ca.pem, cert.pem and key.pem for 127.0.0.1.")
    var tls: String?
    @Flag(help: "Do not start a process again that died by itself.") var noRestart = false

    func run() async throws {
        let folder = self.common.folder
        let names = try self.regions.map(RegionNames.parse)
        try folder.make(folder.path)
        let lock: FolderLock
        do { lock = try FolderLock(folder: folder.path) } catch {
            throw CommandError("\(error): another `tranche up` may be running there; choose another --data, or stop it")
        }
        defer { withExtendedLifetime(lock) {} }
        let layout = try self.layout(folder, names)
        let offsets = try ClockOffsets.parse(self.clockOffsets, regions: layout.units.map(\.name))
        let restarter = Restarter(isOn: !self.noRestart, isQuiet: self.common.json)
        let cluster = LocalCluster(
            folder: folder, layout: layout, wan: try await self.links(layout), clockOffsets: offsets
        ) { restarter.handle($0) }
        restarter.cluster = cluster
        let signals = StopSignals()
        do {
            try await cluster.start()
            try await cluster.waitUntilHealthy()
        } catch {
            await cluster.stop()
            throw error
        }
        if self.common.json {
            Output.json(layout.units.map { ["unit": $0.name, "url": $0.publicURL] })
        } else {
            self.explain(layout)
        }
        await signals.wait()
        Output.line("stopping …")
        await cluster.stop()
        Output.line("stopped; the data is in \(folder.path)")
    }

    private func tlsFolder() throws -> String? {
        guard let tls else { return nil }
        let folder = URL(fileURLWithPath: tls).standardizedFileURL.path
        for name in ["ca.pem", "cert.pem", "key.pem"] where !FileManager.default.fileExists(atPath: "\(folder)/\(name)")
        {
            throw ValidationError("--tls: \(folder)/\(name) is missing")
        }
        return folder
    }

    /// The cluster that lies in the folder, or a new one.
    private func layout(_ folder: ClusterFolder, _ names: [String]?) throws -> ClusterLayout {
        guard FileManager.default.fileExists(atPath: folder.layoutPath) else {
            let layout = try ClusterLayout.random(
                regions: names ?? DemoCommand.regions, isWide: self.wan != nil, tls: try self.tlsFolder())
            try folder.save(layout)
            return layout
        }
        let layout = try folder.load()
        let present = layout.units.map(\.name)
        if let names, names != present {
            throw CommandError(
                "\(folder.path) holds a cluster of the regions \(present.joined(separator: ",")), and --regions says "
                    + "\(names.joined(separator: ",")): leave --regions out, or choose another --data")
        }
        guard self.wan == nil || layout.controlPort != nil else {
            throw CommandError("\(folder.path) holds a cluster without links: choose another --data for --wan")
        }
        return layout
    }

    private func links(_ layout: ClusterLayout) async throws -> WideAreaPlan? {
        guard let wan else { return nil }
        return try WideAreaPlan(try await DaemonConfiguration(path: wan), regions: layout.units.map(\.name))
    }

    private func explain(_ layout: ClusterLayout) {
        Output.line(Output.bold("The cluster is up.") + " Ctrl-C stops it.")
        Output.line("  config center  \(layout.centerURL)")
        for unit in layout.units {
            Output.line("  \(unit.name.padding(toLength: 14, withPad: " ", startingAt: 0)) \(unit.publicURL)")
        }
        if let control = layout.controlPort, self.wan != nil {
            Output.line("  links          http://127.0.0.1:\(control)/links")
        }
        let data = self.common.data == "tranche-data" ? "" : " --data \(self.common.data)"
        Output.line("\nNext, in another terminal:")
        Output.line(
            "  tranche sale create summer --stock 1000\(data)\n  tranche sale warm summer\(data)\n  tranche sale open summer\(data)"
        )
        Output.line("  tranche load summer --buyers 3000 --seconds 10\(data)")
    }
}

/// Ctrl-C, SIGTERM and a closed terminal, as something to wait for.
final class StopSignals: @unchecked Sendable {  // The sources are kept, and never touched again.
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        self.sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
    }

    func wait() async { for await _ in self.stream { return } }
}

/// Says which process of a cluster died by itself, and starts it again: a few times, because a process that dies at each start
/// is not helped by another one.
final class Restarter: Sendable {
    static let restartsLimit = 5
    static let windowSeconds = 60.0

    private let isOn: Bool
    private let isQuiet: Bool
    private let restarts = NIOLockedValueBox<[LocalCluster.Part: [ContinuousClock.Instant]]>([:])
    private let holder = NIOLockedValueBox<Holder>(Holder())
    private struct Holder { weak var cluster: LocalCluster? }

    init(isOn: Bool, isQuiet: Bool) { (self.isOn, self.isQuiet) = (isOn, isQuiet) }

    var cluster: LocalCluster? {
        get { self.holder.withLockedValue { $0.cluster } }
        set { self.holder.withLockedValue { $0.cluster = newValue } }
    }

    func handle(_ death: ProcessDeath) {
        guard self.isOn else { return self.say("\(death)") }
        let isAllowed = self.restarts.withLockedValue { restarts in
            let start = ContinuousClock.now - .seconds(Self.windowSeconds)
            let recent = (restarts[death.part] ?? []).filter { $0 > start }
            guard recent.count < Self.restartsLimit else { return false }
            restarts[death.part] = recent + [.now]
            return true
        }
        guard isAllowed else {
            return self.say(
                "\(death); it died \(Self.restartsLimit) times within \(Int(Self.windowSeconds)) s and stays down: see its log"
            )
        }
        do {
            try self.cluster?.start(death.part)
            self.say("\(death); started again")
        } catch { self.say("\(death); it could not be started again: \(error)") }
    }

    /// With --json standard output belongs to the script that reads it.
    private func say(_ text: String) {
        guard self.isQuiet else { return Output.line(Output.red(text)) }
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}

/// Names of regions: they are parts of paths, of configuration keys and of lists.
enum RegionNames {
    static let bytes = 1...32
    static let limit = 64

    static func parse(_ text: String) throws -> [String] {
        let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for name in names {
            guard self.bytes.contains(name.utf8.count), name.first?.isLetter == true,
                name.utf8.allSatisfy({ byte in
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                })
            else {
                throw ValidationError(
                    "--regions: \"\(name)\" is not a region's name: a letter, then letters, digits and dashes, "
                        + "at most \(self.bytes.upperBound)")
            }
        }
        guard Set(names).count == names.count else {
            throw ValidationError("--regions: \"\(text)\" names a region twice")
        }
        guard names.count <= self.limit else {
            throw ValidationError("--regions: \(names.count) regions, at most \(self.limit)")
        }
        return names
    }
}
