import Foundation
import Terminal

/// Files of a folder that are never overwritten by mistake. Each takes its place at once, so a reader finds the old file
/// or the new one, and never a part.
struct KeptFiles {
    let folder: String

    /// - Parameter force: Whether files of these names may be replaced.
    func put(_ files: [(name: String, text: String, isSecret: Bool)], force: Bool) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: self.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw CommandError("the folder \(self.folder) cannot be created: \(error.localizedDescription)") }
        if !force {
            for file in files where FileManager.default.fileExists(atPath: self.path(file.name)) {
                throw CommandError("\(self.path(file.name)) exists: --force replaces it")
            }
        }
        var temporary: [(from: String, to: String)] = []
        defer { for file in temporary { unlink(file.from) } }
        for file in files {
            let path = self.path(".\(file.name).\(UInt32.random(in: 0...UInt32.max))")
            temporary.append((path, self.path(file.name)))
            try self.create(path, file.text, mode: file.isSecret ? 0o600 : 0o644, like: self.path(file.name))
        }
        for file in temporary {
            guard rename(file.from, file.to) == 0 else { throw self.failure(file.to) }
        }
    }

    /// Creates a file that nobody else has opened before it had its mode.
    ///
    /// - Parameter old: The file whose place it takes, if there is one. The new one gets its owner: the process that reads
    ///   it is often another user than the operator who runs a command.
    private func create(_ path: String, _ text: String, mode: mode_t, like old: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw self.failure(path) }
        defer { close(descriptor) }
        if let (user, group) = Self.owner(of: old), user != geteuid() || group != getegid() {
            // A group of which the operator is no member is no loss where the user is the same.
            guard fchown(descriptor, user, group) == 0 || user == geteuid() else {
                throw CommandError(
                    "\(old) belongs to the user \(user), and a new file would not: run this command as that user, or as root"
                )
            }
        }
        let bytes = Array(text.utf8)
        // These files have less than a page: a short write means a full disk.
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw self.failure(path)
        }
    }

    /// Of the file behind a link, too.
    private static func owner(of path: String) -> (user: uid_t, group: gid_t)? {
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let found = try? FileManager.default.attributesOfItem(atPath: file),
            let user = found[.ownerAccountID] as? NSNumber, let group = found[.groupOwnerAccountID] as? NSNumber
        else { return nil }
        return (user.uint32Value, group.uint32Value)
    }

    private func path(_ name: String) -> String { "\(self.folder)/\(name)" }

    private func failure(_ path: String) -> CommandError {
        CommandError("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
