import Foundation

/// CPU time and memory of processes, from /proc.
enum ProcessFigures {
    /// User and system time of the processes and their children, in seconds.
    static func cpuSeconds(_ processes: [Int32]) -> Double {
        self.withChildren(processes).reduce(0) { sum, process in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return sum }
            let fields = text[end...].split(separator: " ")
            // Fields 14 and 15 of proc(5), counted from the second one.
            guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return sum }
            return sum + (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }

    /// Resident memory in bytes (`VmRSS`).
    static func residentBytes(_ process: Int32) -> Int { self.bytes("VmRSS:", of: process) }

    /// The most resident memory since the process began, in bytes (`VmHWM`).
    static func peakBytes(_ process: Int32) -> Int { self.bytes("VmHWM:", of: process) }

    private static func bytes(_ field: String, of process: Int32) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(field) }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    private static func withChildren(_ processes: [Int32]) -> [Int32] {
        processes.flatMap { process -> [Int32] in
            let text = (try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)) ?? ""
            return [process] + self.withChildren(text.split(separator: " ").compactMap { Int32($0) })
        }
    }
}
