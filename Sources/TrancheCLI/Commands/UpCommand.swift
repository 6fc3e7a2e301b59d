import ArgumentParser
import Clusters
import DaemonSupport
import Foundation
import Storage
import Terminal
import TrancheAPI
import TrancheCore
import WideArea

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start a local cluster: center, coordinators, and a unit and a gate for each region.",
        discussion:
            """
            All files are in one data folder, with random secrets. Ctrl-C stops the cluster cleanly; the next `up`
            continues with the same data. If a process ends by itself, the command reports its signal and its
            backtrace, and starts it again. All processes end with this one, also if it is killed.
            """
    )

    @OptionGroup var common: CommonOptions
    @Option(help: "Regions, separated by commas; us-east, eu-west and ap-south if not given.") var regions: String?
    @Option(help: "Simulate wide-area links between the regions and the center: a YAML file with REGION.delay in ms.")
    var wan: String?
    @Option(help: "Errors of the regions' clocks, in microseconds, as us-east=-1000,ap-south=1000.")
    var clockOffsets: String?
    @Option(help: "Encrypt internal connections: the folder of an authority that `tranche ca init` has made.")
    var tls: String?
    @Option(
        help: ArgumentHelp(
            "Two centers that keep their state in this PostgreSQL: one leads, one stands by. A connection string of libpq.",
            valueName: "connection"))
    var postgres: String?
    @Flag(help: "Start the sample shop, too: it hears of every order by webhooks (docs/integrate.md).") var shop = false
    @Flag(help: "Start the sample payment provider, too: units ask it, and give back through it (docs/payments.md).")
    var provider = false
    @Flag(help: "Do not restart a process that ended by itself.") var noRestart = false
    @Flag(help: "Give processes their secrets as files, below secrets/: they may be replaced while the cluster runs.")
    var secretFiles = false

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
        let certificates = try layout.authority.map { try ClusterCertificates(authority: $0, layout: layout) }
        try certificates?.issue()
        let offsets = try ClockOffsets.parse(self.clockOffsets, regions: layout.units.map(\.name))
        let restarter = Restarter(isOn: !self.noRestart, isQuiet: self.common.json)
        let cluster = LocalCluster(
            folder: folder, layout: layout, wan: try await self.links(layout), clockOffsets: offsets,
            hasSecretFiles: self.secretFiles
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
        let renewal = Task { await certificates?.keepFresh() }
        await signals.wait()
        renewal.cancel()
        Output.line("stopping …")
        await cluster.stop()
        Output.line("stopped; the data is in \(folder.path)")
    }

    func validate() throws {
        if self.postgres != nil, self.wan != nil {
            throw ValidationError("--postgres and --wan: the links lead to one center")
        }
    }

    /// The folder of the authority, in full: the next `up` may start elsewhere.
    private func authority() throws -> String? {
        try self.tls.map { folder in
            let path = URL(fileURLWithPath: folder).standardizedFileURL.path
            do { _ = try CertificateAuthority(folder: path) } catch { throw ValidationError("--tls: \(error)") }
            return path
        }
    }

    /// The cluster in the folder, or a new one.
    private func layout(_ folder: ClusterFolder, _ names: [String]?) throws -> ClusterLayout {
        guard FileManager.default.fileExists(atPath: folder.layoutPath) else {
            let layout = try ClusterLayout.random(
                regions: names ?? ThreeRegions.names, isWide: self.wan != nil, hasGates: true, hasShop: self.shop,
                hasProvider: self.provider, authority: try self.authority(), folder: folder, postgres: self.postgres)
            try folder.save(layout)
            return layout
        }
        var layout = try folder.load()
        let present = layout.units.filter { !$0.isAdded }.map(\.name)
        if let names, names != present {
            throw CommandError(
                "\(folder.path) holds a cluster of the regions \(present.joined(separator: ",")), but --regions is "
                    + "\(names.joined(separator: ",")): omit --regions, or choose another --data")
        }
        if let postgres, layout.postgres == nil, layout.controlPort == nil,
            AuthorityCopy.isMoved(folder.path + "/center/authority.sqlite")
        {
            try layout.share(postgres)
            try folder.save(layout)
        }
        guard self.postgres == nil || self.postgres == layout.postgres else {
            throw CommandError(
                "\(folder.path) holds a cluster whose centers keep their state elsewhere: choose another --data for "
                    + "--postgres, or move the state there with `tranche center copy`")
        }
        guard !self.shop || layout.shopPort != nil else {
            throw CommandError("\(folder.path) holds a cluster without a shop: choose another --data for --shop")
        }
        guard !self.provider || layout.providerPort != nil else {
            throw CommandError(
                "\(folder.path) holds a cluster without a provider: choose another --data for --provider")
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
        for center in layout.centers.all {
            Output.line("  config center  \(center)")
            Output.line("  console        \(center)/console")
        }
        for unit in layout.units {
            Output.line("  \(unit.name.padding(toLength: 14, withPad: " ", startingAt: 0)) \(unit.publicURL)")
        }
        for gate in layout.gates {
            Output.line("  page \(gate.name.padding(toLength: 9, withPad: " ", startingAt: 0)) \(gate.publicURL)")
        }
        if let shop = layout.shopURL { Output.line("  shop           \(shop)") }
        if let provider = layout.providerURL { Output.line("  provider       \(provider)") }
        if let control = layout.controlPort, self.wan != nil {
            Output.line("  links          http://127.0.0.1:\(control)/links")
        }
        let data = self.common.data == "tranche-data" ? "" : " --data \(self.common.data)"
        Output.line("\nNext, in another terminal:")
        Output.line(
            "  tranche sale create summer --stock 1000\(data)\n  tranche sale warm summer\(data)\n  tranche sale open summer\(data)"
        )
        Output.line("  tranche load summer --buyers 3000 --seconds 10\(data)")
        Output.line(
            "\nThe console asks for the credential of operators: TRANCHE_ADMIN_SECRET in \(self.common.folder.layoutPath)."
        )
    }
}
