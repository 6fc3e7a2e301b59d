import Foundation

/// Locks a data folder for one process. The kernel releases the lock when the process ends, also after a crash.
package final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Creates the folder if it does not exist.
    ///
    /// - Throws: ``StorageError/inUse(path:)`` if another process holds it.
    package init(folder: String) throws(StorageError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .io(path: folder, detail: "cannot be created: \(error.localizedDescription)")
        }
        let path = folder + "/.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .io(path: path, detail: String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .inUse(path: folder)
        }
        self.descriptor = descriptor
    }

    deinit {
        // Not by closing alone: a child process that is being started has a copy of the descriptor for a moment.
        flock(self.descriptor, LOCK_UN)
        close(self.descriptor)
    }
}
