import Glibc
import Synchronization

/// The thread that an object belongs to. The object checks it at the start of its methods: a use on another thread ends
/// the process at once, instead of damaging state that has no lock.
///
/// An object is made before its thread takes it. Until then it has no owner, and any thread may use it.
package final class ThreadOwner: Sendable {
    private let what: StaticString
    /// The thread as the system numbers it; 0 for none.
    private let thread = Atomic<UInt>(0)

    /// - Parameter what: The object, as the crash names it.
    package init(_ what: StaticString) { self.what = what }

    /// From now on the object belongs to the calling thread, and to no other one.
    package func take() {
        let (isTaken, owner) = self.thread.compareExchange(
            expected: 0, desired: Self.current, ordering: .acquiringAndReleasing)
        guard isTaken || owner == Self.current else { self.refuse(owner) }
    }

    /// Whether the calling thread may use the object.
    package var isHere: Bool {
        let owner = self.thread.load(ordering: .relaxed)
        return owner == Self.current || owner == 0
    }

    /// Ends the process unless the calling thread may use the object.
    @inline(__always) package func check() {
        let owner = self.thread.load(ordering: .relaxed)
        guard owner == Self.current || owner == 0 else { self.refuse(owner) }
    }

    private static var current: UInt { UInt(pthread_self()) }

    @inline(never) private func refuse(_ owner: UInt) -> Never {
        fatalError("\(self.what) belongs to thread \(owner), and is used by thread \(Self.current)")
    }
}
