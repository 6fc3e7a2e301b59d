import CEpoll
import Glibc

/// Reports which descriptors can be read or written now: epoll(7), level-triggered.
///
/// Belongs to one thread, except for ``wake()``.
package final class Poller: @unchecked Sendable {  // `wake` is one write to an eventfd; the rest has one thread.
    package struct Readiness: Sendable {
        package let token: UInt64
        package let isReadable: Bool
        package let isWritable: Bool
        /// The connection is closed or broken; a read reports this, too.
        package let isClosed: Bool
    }
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: EPOLLIN.rawValue)
        package static let write = Interest(rawValue: EPOLLOUT.rawValue)
        /// If several pollers watch one listener, only one of them is woken (Linux 4.5).
        package static let exclusive = Interest(rawValue: EPOLLEXCLUSIVE.rawValue)
    }

    private static let wakeToken = UInt64.max
    /// A small number, so that the next stage starts with the first events while this thread reads the next ones.
    private static let eventsPerWait = 32
    private let descriptor: Int32
    private let bell: Int32
    private var events = [epoll_event](repeating: epoll_event(), count: Poller.eventsPerWait)

    package init() throws(SocketError) {
        self.descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.descriptor >= 0 else { throw SocketError("epoll_create1") }
        self.bell = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard self.bell >= 0 else { throw SocketError("eventfd") }
        try self.add(self.bell, token: Self.wakeToken, .read)
    }

    deinit {
        Socket.close(self.bell)
        Socket.close(self.descriptor)
    }

    /// - Parameter token: The value in ``Readiness`` for this descriptor; not `UInt64.max`.
    package func add(_ descriptor: Int32, token: UInt64, _ interest: Interest) throws(SocketError) {
        try self.control(EPOLL_CTL_ADD, descriptor, token, interest)
    }

    package func change(_ descriptor: Int32, token: UInt64, _ interest: Interest) throws(SocketError) {
        try self.control(EPOLL_CTL_MOD, descriptor, token, interest)
    }

    package func remove(_ descriptor: Int32) { epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor, nil) }

    private func control(
        _ operation: Int32, _ descriptor: Int32, _ token: UInt64, _ interest: Interest
    ) throws(SocketError) {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
        guard epoll_ctl(self.descriptor, operation, descriptor, &event) == 0 else { throw SocketError("epoll_ctl") }
    }

    /// Ends the present wait, or the next one. Any thread may call it.
    package func wake() { eventfd_write(self.bell, 1) }

    /// Calls `body` for each ready descriptor. Returns at once after a ``wake()``, and at the latest after
    /// `microseconds`.
    package func wait(microseconds: Int64, _ body: (Readiness) -> Void) {
        let count = self.events.withUnsafeMutableBufferPointer {
            cepoll_wait(self.descriptor, $0.baseAddress, Int32($0.count), microseconds)
        }
        for index in 0..<max(0, Int(count)) {
            let event = self.events[index]
            let token = event.data.u64
            if token == Self.wakeToken {
                var value: eventfd_t = 0
                eventfd_read(self.bell, &value)
                continue
            }
            let broken = EPOLLHUP.rawValue | EPOLLERR.rawValue
            body(
                Readiness(
                    token: token, isReadable: event.events & EPOLLIN.rawValue != 0,
                    isWritable: event.events & EPOLLOUT.rawValue != 0, isClosed: event.events & broken != 0))
        }
    }
}
