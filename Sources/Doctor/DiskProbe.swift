import DaemonSupport
import Foundation
import TrancheCore

/// Measures how long a disk takes to make small writes durable.
enum DiskProbe {
    static let writes = 50
    private static let bytes = 4_096

    static func read(_ folder: String) -> MachineReading.Disk {
        let files = FileManager.default
        var disk = MachineReading.Disk(folder: folder, fileSystem: self.fileSystem(of: folder))
        let path = "\(folder)/.doctor-\(UInt64.random(in: 0...UInt64.max))"
        guard files.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else {
            disk.failure = "no file can be made in \(folder)"
            return disk
        }
        defer { try? files.removeItem(atPath: path) }
        let block = Data(repeating: 7, count: self.bytes)
        do {
            for _ in 0..<self.writes {
                let began = SystemClock.monotonic()
                try file.write(contentsOf: block)
                try file.synchronize()
                disk.syncs.append(SystemClock.monotonic().microseconds - began.microseconds)
            }
            try file.close()
            let free = try files.attributesOfFileSystem(forPath: folder)
            disk.freeBytes = (free[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
            // Some file systems have no fixed number of files, and say 0 of 0.
            let all = (free[.systemNodes] as? NSNumber)?.int64Value ?? 0
            disk.freeFiles = all == 0 ? Int64.max : (free[.systemFreeNodes] as? NSNumber)?.int64Value ?? 0
        } catch { disk.failure = "a file in \(folder) cannot be written: \(error)" }
        return disk
    }

    /// The type of the file system at the longest mount point above a folder (proc_pid_mounts(5)).
    static func fileSystem(of folder: String) -> String {
        let path = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        var best = (length: -1, type: "unknown")
        for line in mounts.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count > 2 else { continue }
            let point = String(parts[1]).replacing("\\040", with: " ")
            let isAbove = point == "/" || path == point || path.hasPrefix(point + "/")
            if isAbove, point.count >= best.length { best = (point.count, String(parts[2])) }
        }
        return best.type
    }
}
