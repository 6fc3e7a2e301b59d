import Foundation

/// A thread with a name, for work that waits in system calls or owns what has no lock.
///
/// Swift's tasks share as many threads as there are processors: work that blocks one of them holds the others up.
package enum OwnedThread {
    /// Starts a thread that ends with `body`.
    ///
    /// - Parameters:
    ///   - name: 15 bytes at most: what `top -H` and a debugger show.
    ///   - stackBytes: `nil` for as much as the system gives.
    ///   - owners: Of what belongs to the thread from its first moment.
    package static func start(
        _ name: String, stackBytes: Int? = nil, owning owners: [ThreadOwner] = [],
        _ body: @escaping @Sendable () -> Void
    ) {
        precondition((1...15).contains(name.utf8.count), "\"\(name)\" is not a name of 1 to 15 bytes")
        let thread = Thread {
            for owner in owners { owner.take() }
            body()
        }
        thread.name = name
        if let stackBytes { thread.stackSize = stackBytes }
        thread.start()
    }

    /// Runs `body` on a thread of its own, and returns when it is done.
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
