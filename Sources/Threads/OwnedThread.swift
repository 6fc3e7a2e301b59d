import Foundation

/// A thread with a name, for work that waits in system calls or owns state without a lock.
///
/// Swift's tasks share one thread for each processor: work that blocks such a thread delays other tasks.
package enum OwnedThread {
    /// Starts a thread that ends with `body`.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes; `top -H` and a debugger show it.
    ///   - stackBytes: `nil` for the system's default.
    ///   - owners: The owners of objects that belong to the thread from its start.
    package static func start(
        _ name: String, stackBytes: Int? = nil, owning owners: [ThreadOwner] = [],
        _ body: @escaping @Sendable () -> Void
    ) {
        precondition((1...15).contains(name.utf8.count), "\"\(name)\" is not a name of 1 to 15 bytes")
        let thread = Thread {
            self.setName(name)
            for owner in owners { owner.claim() }
            body()
        }
        if let stackBytes { thread.stackSize = stackBytes }
        thread.start()
    }

    /// Names the calling thread for the kernel. `Thread.name` does not reach it.
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = name.withCString { write(file, $0, strlen($0)) }
        close(file)
    }

    /// Runs `body` on a new thread, and returns its result.
    package static func run<Value: Sendable, Failure: Error>(
        _ name: String, stackBytes: Int? = nil, owning owners: [ThreadOwner] = [],
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
            Self.start(name, stackBytes: stackBytes, owning: owners) {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
