import DaemonSupport
import Foundation
import TestSupport
import Testing

/// A process that crashes is named, with its signal and its backtrace.
@Suite("Crashes", .serialized, .timeLimit(.minutes(3))) struct CrashTests {
    /// The handler of the Swift runtime takes the first signal and has the backtrace written; the second one ends the process.
    /// A real fault comes again by itself, and does not need it. Sent before the handler is done, it would stop the handler.
    private func crash(_ pid: pid_t, backtracesIn folder: () -> [String]) async throws {
        kill(pid, SIGSEGV)
        try await eventually("backtrace", seconds: 60) {
            let isWritten = folder().contains { path in
                path.contains("-\(pid)-")
                    && (try? String(contentsOfFile: path, encoding: .utf8))?.contains("Backtrace took") == true
            }
            return isWritten && !Processes.hasChild("swift-backtrace", of: pid)
        }
        kill(pid, SIGSEGV)
    }

    private func files(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
    }

    @Test("of the demo: its last output names the process, the signal and the backtrace; no process is left")
    func demoCrashNamesProcessAndBacktrace()
        async throws
    {
        let folder = try TemporaryFolder.make()
        let (log, data) = (folder + "/log", folder + "/data")
        let demo = try ChildProcess(
            TestCluster.program("tranche").path,
            ["demo", "--stock", "200", "--buyers", "400", "--seconds", "30", "--data", data],
            environment: ProcessInfo.processInfo.environment, log: log)
        defer { demo.crash() }
        func said() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
        try await eventually("a unit of the demo") { Processes.running("tranche-unit", with: data).count == 3 }
        // A process that is about to become another program still has the name of its parent: for a moment there are more.
        var work: [Int32] = []
        try await eventually("the demo as the one child of its supervisor") {
            work = Processes.running("tranche", with: data).filter { $0 != demo.pid }
            return work.count == 1
        }
        try await self.crash(try #require(work.first)) {
            self.files(in: FileManager.default.temporaryDirectory.path)
                .filter { $0.contains("tranche-backtraces-") }.flatMap { self.files(in: $0) }
        }
        try await eventually("the end of the demo", seconds: 60) { !demo.isRunning }
        #expect(demo.ending == .exited(code: 128 + SIGSEGV))
        let last = said()
        #expect(last.contains("error: tranche demo (process \(work[0])) was killed by signal 11"), "\(last)")
        let backtrace = try #require(try /backtrace: (\/[^;\n]+)/.firstMatch(in: last), "\(last)")
        let text = try String(contentsOfFile: String(backtrace.output.1), encoding: .utf8)
        #expect(text.contains("Thread"))
        try FileManager.default.removeItem(
            at: URL(fileURLWithPath: String(backtrace.output.1)).deletingLastPathComponent())
        for program in ["tranche-unit", "tranche-config-center", "tranche-coordinator", "redis-server"] {
            try await eventually("the end of every \(program)") { Processes.running(program, with: data).isEmpty }
        }
    }

    @Test("of a unit: `up` names it, its signal and the backtrace") func upNamesCrashedUnit() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let pids = Processes.running("tranche-unit", with: "\(cluster.folder)/units/\(unit.name)/unit.yaml")
        try await self.crash(try #require(pids.first)) { self.files(in: cluster.folder + "/backtraces") }
        var said = ""
        try await eventually("word of the unit's death", seconds: 60) {
            said = (try? String(contentsOfFile: cluster.folder + "/up.log", encoding: .utf8)) ?? ""
            return said.contains("was killed by signal 11")
        }
        #expect(said.contains(unit.name) && said.contains("backtrace: \(cluster.folder)"), "\(said)")
    }
}
