import NIOConcurrencyHelpers

/// A queue for one thread. The thread sleeps until there is an element, and then takes all of them at once.
///
/// The one place where a thread waits for another one without a descriptor to wait on.
package final class Mailbox<Element: Sendable>: @unchecked Sendable {  // All state is behind the condition lock.
    /// Its value says whether there is something to take: an element, or that the mailbox is closed.
    private let lock = ConditionLock(value: false)
    private var elements: [Element] = []
    private var isClosed = false
    private let limit: Int
    private let owner = ThreadOwner("a mailbox")

    /// - Parameter limit: Elements that may wait. Without a limit, each sender bounds its own elements, and a comment
    ///   says how.
    package init(limit: Int = .max) { self.limit = limit }

    /// - Returns: `false` if the mailbox is full or closed: the element was not added.
    @discardableResult package func post(_ element: Element) -> Bool {
        self.lock.lock()
        let isTaken = !self.isClosed && self.elements.count < self.limit
        if isTaken { self.elements.append(element) }
        self.lock.unlock(withValue: self.isClosed || !self.elements.isEmpty)
        return isTaken
    }

    /// From now on no element is added. Elements that wait can still be taken.
    package func close() {
        self.lock.lock()
        self.isClosed = true
        self.lock.unlock(withValue: true)
    }

    /// Waits for elements. An empty answer means that the mailbox was closed and is empty.
    ///
    /// The first thread that takes is the only one that may.
    package func takeAll() -> [Element] {
        self.owner.take()
        self.lock.lock(whenValue: true)
        let taken = self.elements
        self.elements = []
        self.lock.unlock(withValue: self.isClosed)
        return taken
    }
}
