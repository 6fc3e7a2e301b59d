import Glibc
import Synchronization

/// The thread that an object belongs to. The object's methods check it, so that a use on another thread ends the
/// process at once instead of damaging state without a lock.
///
/// An object is created before its thread claims it. Until then it belongs to no thread, and its creator may use it.
package final class ThreadOwner: Sendable {
    private let what: StaticString
    /// The system's number of the thread; 0 for none.
    private let thread = Atomic<UInt>(0)

    /// - Parameter what: The object's name in the crash message.
    package init(_ what: StaticString) { self.what = what }

    /// Gives the object to the calling thread, for good.
    package func claim() {
        let (isClaimed, owner) = self.thread.compareExchange(
            expected: 0, desired: Self.current, ordering: .acquiringAndReleasing)
        guard isClaimed || owner == Self.current else { self.trap(owner) }
    }

    /// Whether the calling thread may use the object.
    package var isHere: Bool {
        let owner = self.thread.load(ordering: .relaxed)
        return owner == Self.current || owner == 0
    }

    /// Ends the process unless the calling thread may use the object.
    @inline(__always) package func check() {
        let owner = self.thread.load(ordering: .relaxed)
        guard owner == Self.current || owner == 0 else { self.trap(owner) }
    }

    private static var current: UInt { UInt(pthread_self()) }

    @inline(never) private func trap(_ owner: UInt) -> Never {
        fatalError("\(self.what) belongs to thread \(owner), but thread \(Self.current) used it")
    }
}
