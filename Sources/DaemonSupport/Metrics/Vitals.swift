import Foundation
import ServiceLifecycle
import Sockets
import TrancheCore

/// Publishes what every process has: its build, its clock, what it uses of the machine, and how long its tasks wait for a
/// thread.
package struct Vitals: Service {
    static let everyMilliseconds = 250
    /// Looks at the machine and at the process's own figures once in so many turns.
    private static let turnsPerLook = 4

    private let process: String
    private let telemetry: Telemetry
    private let tally: Tally
    private let delay: HistogramFamily
    private let measure: @Sendable () -> Void

    /// - Parameters:
    ///   - process: The name of the executable.
    ///   - measure: Publishes figures of this kind of process, once a second.
    package init(_ process: String, telemetry: Telemetry, measure: @escaping @Sendable () -> Void = {}) {
        var families = Families()
        self.delay = families.histogram(
            "tranche_task_delay_seconds", "How much later than asked a task woke up: the wait for a thread.")
        self.tally = telemetry.add(families).tally()
        (self.process, self.telemetry, self.measure) = (process, telemetry, measure)
    }

    package func run() async throws {
        self.setBuild()
        await cancelWhenGracefulShutdown {
            var turn = 0
            while !Task.isCancelled {
                if turn % Self.turnsPerLook == 0 {
                    self.look()
                    self.measure()
                }
                turn += 1
                let due = SystemClock.monotonic().advanced(milliseconds: Int64(Self.everyMilliseconds))
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
                guard !Task.isCancelled else { return }
                self.tally.observe(
                    self.delay, microseconds: SystemClock.monotonic().microseconds - due.microseconds)
            }
        }
    }

    private func setBuild() {
        let labels = [
            ("process", self.process), ("compiler", Build.compiler), ("mode", Build.mode), ("built", Build.at),
        ]
        self.telemetry.set(
            "tranche_build_info", "The executable of this process: its compiler, its mode, and when it was written.",
            labels: labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ","), to: 1)
        self.telemetry.set(
            "process_start_time_seconds", "When the process started, in seconds since 1970.",
            to: Double(SystemClock.now().microseconds) / 1e6)
    }

    private func look() {
        self.telemetry.total(
            "process_cpu_seconds_total", "Processor time that the process has used.",
            to: Double(ProcessorTime.ofProcess) / 1e6)
        if let pages = Self.residentPages {
            self.telemetry.set(
                "process_resident_memory_bytes", "Memory of the process that is in the machine's memory.",
                to: Double(pages * Int(getpagesize())))
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            self.telemetry.set("process_open_fds", "Files and connections that are open.", to: Double(open))
        }
        if let limit = OpenFiles.limit {
            self.telemetry.set("process_max_fds", "Files and connections that may be open.", to: Double(limit.now))
        }
        let kernel = SystemClock.kernel()
        self.telemetry.set(
            "tranche_clock_synchronised", "1 while the kernel says that the machine's clock is synchronised.",
            to: kernel?.isSynchronised == true ? 1 : 0)
        if let kernel {
            self.telemetry.set(
                "tranche_clock_error_seconds", "The kernel's estimate of its clock's error.",
                to: Double(kernel.errorMicroseconds) / 1e6)
        }
    }

    /// The second number of `/proc/self/statm` (proc(5)).
    private static var residentPages: Int? {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let parts = text.split(separator: " ")
        return parts.count > 1 ? Int(parts[1]) : nil
    }
}

/// The executable of this process.
enum Build {
    #if compiler(>=6.3)
        static let compiler = "6.3 or newer"
    #else
        static let compiler = "6.2"
    #endif
    #if DEBUG
        static let mode = "debug"
    #else
        static let mode = "release"
    #endif
    /// When the file was written.
    static let at: String = {
        let attributes = try? FileManager.default.attributesOfItem(atPath: "/proc/self/exe")
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let file = target.flatMap { try? FileManager.default.attributesOfItem(atPath: $0) } ?? attributes
        return (file?[.modificationDate] as? Date)?.ISO8601Format() ?? "unknown"
    }()
}
