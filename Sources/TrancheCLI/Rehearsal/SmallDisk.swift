import DaemonSupport
import Foundation

/// A small file system in memory under one unit's folder, so that a full disk can be rehearsed. Only root can mount one.
final class SmallDisk: Sendable {
    static let bytes = 96 << 20
    let unit: String
    private let path: String
    private var filler: String { self.path + "/filler" }

    /// `nil` if it cannot be mounted.
    init?(unit: String, path: String) {
        self.unit = unit
        self.path = path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard Self.run("mount", ["-t", "tmpfs", "-o", "size=\(Self.bytes)", "tranche", path]) else { return nil }
    }

    private static func run(_ name: String, _ arguments: [String]) -> Bool {
        guard getuid() == 0, let program = try? LocalCluster.find(name),
            let process = try? ChildProcess(program, arguments, environment: [:], log: "/dev/null")
        else { return false }
        return process.wait() == 0
    }

    func fill() {
        let file = open(self.filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        for size in [1 << 20, 4 << 10] {
            let block = [UInt8](repeating: 0x2E, count: size)
            while write(file, block, size) == size {}
        }
    }

    func free() { unlink(self.filler) }

    /// Copies what the disk holds to the folder under it, and unmounts it.
    func unmount() {
        let aside = self.path + ".kept"
        try? FileManager.default.moveItem(atPath: self.path + "/r.sock", toPath: self.path + "/r.sock.old")
        try? FileManager.default.copyItem(atPath: self.path, toPath: aside)
        _ = Self.run("umount", [self.path])
        try? FileManager.default.removeItem(atPath: self.path)
        try? FileManager.default.moveItem(atPath: aside, toPath: self.path)
    }
}
