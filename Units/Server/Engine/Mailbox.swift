import NIOConcurrencyHelpers

/// A queue into one thread, which takes everything that waits at once.
final class Mailbox<Element>: @unchecked Sendable {  // All state is behind the condition lock.
    private let lock = ConditionLock(value: false)
    private var elements: [Element] = []
    private var isClosed = false

    /// Unbounded by itself: each sender bounds what it has under way, and says where.
    func post(_ element: Element) {
        self.lock.lock()
        self.elements.append(element)
        self.lock.unlock(withValue: true)
    }

    func close() {
        self.lock.lock()
        self.isClosed = true
        self.lock.unlock(withValue: true)
    }

    /// Waits for elements. An empty answer means the mailbox was closed and is empty.
    func takeAll() -> [Element] {
        self.lock.lock(whenValue: true)
        let taken = self.elements
        self.elements = []
        self.lock.unlock(withValue: self.isClosed)
        return taken
    }
}
