import CNotify
import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import TestSupport
import Testing

/// What a process tells the service manager: real datagrams to a private socket.
@Suite("Notices to the service manager") struct ServiceNoticeTests {
    /// The next datagram, or `nil` if there is none in time. It waits without a thread of the pool: the process that is
    /// tested here needs one.
    ///
    /// - Parameter turn: Called before each look.
    private func next(
        _ socket: Int32, seconds: Int = 120, before turn: @Sendable () -> Void = {}
    ) async -> String? {
        let end = ContinuousClock.now + .seconds(seconds)
        var bytes = [UInt8](repeating: 0, count: 256)
        repeat {
            turn()
            let count = cnotify_read(socket, &bytes, bytes.count, 0)
            if count > 0 { return String(decoding: bytes[..<count], as: UTF8.self) }
            try? await Task.sleep(for: .milliseconds(10))
        } while ContinuousClock.now < end
        return nil
    }

    private func path() throws -> String { try TemporaryFolder.make() + "/notice" }

    private func run(
        _ environment: [String: String], pulse: Pulse? = nil, isServing: @escaping @Sendable () -> Bool = { true },
        while body: @escaping @Sendable () async -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(
            services: [ServiceNotice(environment: environment, pulse: pulse, logger: logger, isServing: isServing)],
            gracefulShutdownSignals: [], logger: logger)
        let running = Task { try await group.run() }
        await body()
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("the manager hears that the process serves when it does, and that it stops", arguments: [false, true])
    func readyAndStopping(isAbstract: Bool) async throws {
        let path = try isAbstract ? "@" + self.path() : self.path()
        let socket = cnotify_receive(path)
        try #require(socket >= 0)
        defer {
            close(socket)
            unlink(path)
        }
        let looks = NIOLockedValueBox(0)
        try await self.run(["NOTIFY_SOCKET": path]) {
            looks.withLockedValue {
                $0 += 1
                return $0 >= 3
            }
        } while: {
            #expect(await self.next(socket) == "READY=1")
            #expect(looks.withLockedValue { $0 } == 3)
        }
        #expect(await self.next(socket) == "STOPPING=1")
    }

    @Test("the watchdog hears nothing while the thread on which the process depends makes no step")
    func watchdogFollowsThePulse() async throws {
        let path = try self.path()
        let socket = cnotify_receive(path)
        try #require(socket >= 0)
        defer {
            close(socket)
            unlink(path)
        }
        let pulse = Pulse()
        pulse.beat()
        try await self.run(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "150000"], pulse: pulse) {
            #expect(await self.next(socket) == "READY=1")
            // On a busy machine a single beat may be too old when it is looked at.
            #expect(await self.next(socket, before: { pulse.beat() }) == "WATCHDOG=1")
            // Longer than the watchdog waits. What was sent meanwhile is read, and then nothing comes any more.
            while pulse.silence ?? 0 < 400 { try? await Task.sleep(for: .milliseconds(50)) }
            while await self.next(socket, seconds: 0) != nil {}
            #expect(await self.next(socket, seconds: 1) == nil)
            #expect(await self.next(socket, before: { pulse.beat() }) == "WATCHDOG=1")
        }
    }

    @Test("a watchdog that is meant for another process is not fed") func otherProcessesWatchdog() async throws {
        let path = try self.path()
        let socket = cnotify_receive(path)
        try #require(socket >= 0)
        defer {
            close(socket)
            unlink(path)
        }
        let environment = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"]
        try await self.run(environment) {
            #expect(await self.next(socket) == "READY=1")
            try? await Task.sleep(for: .milliseconds(100))
        }
        #expect(await self.next(socket) == "STOPPING=1")
    }
}
