import NIOConcurrencyHelpers

/// A queue for one thread. The thread sleeps until there are elements, and then takes all of them at once.
///
/// This is the only place where a thread waits for another one without a file descriptor.
package final class Mailbox<Element: Sendable>: @unchecked Sendable {  // All state is behind the condition lock.
    /// The value of the lock is `true` if there are elements, or if the mailbox is closed.
    private let lock = ConditionLock(value: false)
    private var elements: [Element] = []
    private var isClosed = false
    private let limit: Int
    private let owner = ThreadOwner("a mailbox")

    /// - Parameter limit: Maximum number of waiting elements. Without a limit, each sender bounds its own elements, and
    ///   a comment there says how.
    package init(limit: Int = .max) { self.limit = limit }

    /// - Returns: `false` if the mailbox is full or closed; the element is not queued then.
    @discardableResult package func post(_ element: Element) -> Bool {
        self.lock.lock()
        let isTaken = !self.isClosed && self.elements.count < self.limit
        if isTaken { self.elements.append(element) }
        self.lock.unlock(withValue: self.isClosed || !self.elements.isEmpty)
        return isTaken
    }

    /// Closes the mailbox for new elements. Waiting elements can still be taken.
    package func close() {
        self.lock.lock()
        self.isClosed = true
        self.lock.unlock(withValue: true)
    }

    /// Waits for elements. The result is empty only if the mailbox is closed and empty.
    ///
    /// Only the first thread that calls this may call it again.
    package func takeAll() -> [Element] {
        self.owner.claim()
        self.lock.lock(whenValue: true)
        return self.takeLocked()
    }

    /// Waits for elements, but not for ever.
    ///
    /// - Returns: `nil` if none have come in time; empty only if the mailbox is closed and empty.
    package func takeAll(within milliseconds: Int) -> [Element]? {
        self.owner.claim()
        guard self.lock.lock(whenValue: true, timeoutSeconds: Double(milliseconds) / 1_000) else { return nil }
        return self.takeLocked()
    }

    private func takeLocked() -> [Element] {
        let taken = self.elements
        self.elements = []
        self.lock.unlock(withValue: self.isClosed)
        return taken
    }
}
