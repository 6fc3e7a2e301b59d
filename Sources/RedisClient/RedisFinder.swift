import Foundation
import NIOConcurrencyHelpers
import Threads
import TrancheCore

/// The thread that looks for a Redis behind Sentinels or in a cluster, so that the thread that works with it never waits.
///
/// It carries out the actions of a ``RedisSearch`` until it has a connection with the scripts loaded, gives it away, and
/// sleeps until the next one is wanted. Each call to a Sentinel or node waits ``timeoutMilliseconds`` at most.
package final class RedisFinder: @unchecked Sendable {  // The thread has the search; what it gives away has a lock.
    /// A connection to a master. The finder keeps no part of it.
    package struct Found {
        package let connection: RedisConnection
        /// The names of the loaded scripts, in the order of the scripts.
        package let digests: [String]
    }
    private struct State {
        var found: Found?
        var isSeeking = false
    }

    package static let timeoutMilliseconds = 250

    private let server: RedisServer
    private let scripts: [String]
    private let key: String?
    private let report: @Sendable (String) -> Void
    private let onFound: @Sendable () -> Void
    private let state = NIOLockedValueBox(State())
    private let isStopped = NIOLockedValueBox(false)
    /// One wish at most waits: a second one would say the same.
    private let wishes = Mailbox<Void>(limit: 1)
    private let owner = ThreadOwner("a search for Redis")
    // The thread has these.
    private var search: RedisSearch
    private var candidate: Found?
    private var reported: [String] = []

    /// - Parameters:
    ///   - scripts: Loaded into each Redis that is found.
    ///   - key: A key of the caller: in a cluster, the node that has its slot is the one.
    ///   - report: Gets a line when a Redis is found, and when the reasons change why none is.
    ///   - onFound: Called on the finder's thread when there is something to take.
    /// - Returns: `nil` if the server has one address, which needs no search.
    package init?(
        _ server: RedisServer, scripts: [String], key: String? = nil,
        report: @escaping @Sendable (String) -> Void = { _ in }, onFound: @escaping @Sendable () -> Void = {}
    ) {
        guard case .search(let sources, let mayLeaveMachine) = server.place else { return nil }
        (self.server, self.scripts, self.key) = (server, scripts, key)
        (self.report, self.onFound) = (report, onFound)
        self.search = RedisSearch(sources, mayLeaveMachine: mayLeaveMachine)
        OwnedThread.start("redis-finder", owning: [self.owner]) { self.run() }
    }

    /// Starts a search, if none is under way. Any thread may call it.
    package func seek() {
        let starts = self.state.withLockedValue { state in
            guard !state.isSeeking, state.found == nil else { return false }
            state.isSeeking = true
            return true
        }
        if starts { self.wishes.post(()) }
    }

    /// The connection that was found, once.
    package func take() -> Found? {
        self.state.withLockedValue { state in
            defer { state.found = nil }
            return state.found
        }
    }

    /// Ends the thread, after its present call or pause.
    package func stop() {
        self.isStopped.withLockedValue { $0 = true }
        self.wishes.close()
    }

    private func run() {
        while !self.wishes.takeAll().isEmpty {
            var action = self.search.handle(.wanted)
            while !self.isStopped.withLockedValue({ $0 }), let event = self.carryOut(action) {
                action = self.search.handle(event)
            }
            self.candidate = nil
        }
    }

    /// - Returns: What came of the action; `nil` if the search is over.
    private func carryOut(_ action: RedisSearch.Action) -> RedisSearch.Event? {
        self.owner.check()
        switch action {
        case .askSentinel(let sentinel, let master): return self.ask(sentinel, master)
        case .tryNode(let node): return self.tryNode(node)
        case .pause(let milliseconds):
            if self.search.problems != self.reported {
                self.reported = self.search.problems
                self.report("no Redis is found: \(self.reported.joined(separator: "; "))")
            }
            usleep(UInt32(milliseconds) * 1_000)
            return .pauseOver
        case .use(let node):
            self.reported = []
            self.report("Redis is at \(node)")
            let found = self.candidate
            self.candidate = nil
            self.state.withLockedValue { state in (state.found, state.isSeeking) = (found, false) }
            self.onFound()
            return nil
        }
    }

    private func ask(_ sentinel: RedisEndpoint, _ master: String) -> RedisSearch.Event {
        do throws(RedisError) {
            let connection = try RedisConnection(
                RedisConnection.Address(sentinel), login: self.server.sentinelLogin,
                timeoutMilliseconds: Self.timeoutMilliseconds)
            let reply = try connection.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)
            guard let words = reply.array?.map(\.text), words.count == 2, let host = words[0], let port = words[1]
            else { return .failed("does not know a master \"\(master)\"") }
            guard let node = RedisEndpoint("\(host):\(port)") else {
                return .failed("names \"\(host)\" and \"\(port)\", which is no address")
            }
            return .named(node)
        } catch { return .failed(Self.reason(error)) }
    }

    private func tryNode(_ node: RedisEndpoint) -> RedisSearch.Event {
        self.candidate = nil
        do throws(RedisError) {
            let connection = try RedisConnection(
                RedisConnection.Address(node), login: self.server.login, timeoutMilliseconds: Self.timeoutMilliseconds)
            // A node of a cluster answers this only if it has the key's slot, and is no replica.
            if let key { _ = try connection.ask("HGET", key, "owner") }
            guard let role = try connection.ask("ROLE").array?.first?.text else {
                return .failed("answers to ROLE in another form")
            }
            if role == "master" {
                self.candidate = Found(connection: connection, digests: try connection.load(self.scripts))
            }
            return .role(role)
        } catch {
            if case .refused(let text) = error, let other = RedisEndpoint.moved(text, by: node) { return .moved(other) }
            return .failed(Self.reason(error))
        }
    }

    private static func reason(_ error: RedisError) -> String {
        switch error {
        case .closed(let reason): "does not answer: \(reason)"
        case .refused(let text): "refuses: \(text)"
        }
    }
}

extension RedisConnection {
    /// Loads scripts, and returns the names by which they can be called.
    package func load(_ scripts: [String]) throws(RedisError) -> [String] {
        var digests: [String] = []
        for script in scripts {
            guard let digest = try self.ask("SCRIPT", "LOAD", script).text else {
                throw .refused("the answer to SCRIPT LOAD is not a digest")
            }
            digests.append(digest)
        }
        return digests
    }
}
