import Clusters
import DaemonSupport
import Foundation
import Terminal

/// A small file system in memory under one unit's folder, so that a full disk can be rehearsed. Only root can mount
/// one.
final class SmallDisk: Sendable {
    static let bytes = 96 << 20
    /// A ledger of more orders, with its copies, would fill the disk without a fault.
    static let stockLimit = 40_000

    let unit: String
    private let path: String
    private var filler: String { self.path + "/filler" }

    /// Fails if the file system cannot be mounted.
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

    /// Fills all free space, and repeats this if some was freed meanwhile.
    ///
    /// - Throws: An error if the disk is not full afterwards.
    func fill() throws {
        let file = open(self.filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard file >= 0 else { throw CommandError("\(self.filler): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var reason: Int32 = 0
        for size in [1 << 20, 4 << 10] {
            let block = [UInt8](repeating: 0x2E, count: size)
            while write(file, block, size) == size {}
            reason = errno
        }
        guard reason == ENOSPC else {
            throw CommandError("the disk did not fill: \(String(cString: strerror(reason)))")
        }
    }

    func free() { unlink(self.filler) }

    /// Unmounts the disk, and leaves a copy of its files in the folder where it was mounted.
    ///
    /// - Throws: An error if this fails; the disk is still mounted then, and no file is lost.
    func unmount() throws {
        self.free()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: self.path)) ?? []
        where name.hasSuffix(".sock") {
            unlink(self.path + "/" + name)
        }
        let aside = self.path + ".kept"
        guard Self.run("cp", ["-a", self.path, aside]) else { throw CommandError("\(self.path) cannot be copied") }
        guard Self.run("umount", [self.path]) else { throw CommandError("\(self.path) cannot be unmounted") }
        try FileManager.default.removeItem(atPath: self.path)
        try FileManager.default.moveItem(atPath: aside, toPath: self.path)
    }
}
