/// Finds the node of Redis that a unit may use, behind Sentinels or in a Redis Cluster.
///
/// The shell carries one action out, reports what came of it, and gets the next action. The rules:
///
/// - Sources (Sentinels, or some nodes of a cluster) are asked in turn, each at most once in a round. After a round without
///   a result there is a pause, which grows up to ``longestPauseMilliseconds``.
/// - A Sentinel's word is not enough: it may not have heard of the last promotion. Only a node that calls itself a master
///   is used.
/// - A node that did not answer is tried once in a round, however many Sentinels name it.
/// - After a loss the next source begins: the last one may be what led to a node that is no use.
/// - A node of a cluster may name the one that has the keys, which may name another one, ``Limits/redisHops`` times.
/// - Without encryption no Sentinel or node can send a unit, with its password, to another machine.
package struct RedisSearch: Sendable {
    package enum Sources: Hashable, Sendable {
        case sentinels([RedisEndpoint], master: String)
        case cluster([RedisEndpoint])

        package var endpoints: [RedisEndpoint] {
            switch self {
            case .sentinels(let sentinels, _): sentinels
            case .cluster(let nodes): nodes
            }
        }
    }

    package enum Event: Hashable, Sendable {
        /// A connection is wanted: the first one, or because the last one was lost.
        case wanted
        /// The Sentinel that was asked names this master.
        case named(RedisEndpoint)
        /// The node that was tried has this role, and the keys.
        case role(String)
        /// The node that was tried names another one, which has the keys.
        case moved(RedisEndpoint)
        /// There is no answer, or none that is of use.
        case failed(String)
        case pauseOver
    }

    package enum Action: Hashable, Sendable {
        case askSentinel(RedisEndpoint, master: String)
        /// Connect, and ask for the role; in a cluster, also whether this node has the keys.
        case tryNode(RedisEndpoint)
        /// Use the node that was tried last.
        case use(RedisEndpoint)
        case pause(milliseconds: Int64)
    }

    private enum Phase {
        /// Nothing is wanted. Can transition to: `asking`, `trying`.
        case idle
        /// Can transition to: `trying`, `asking` (the next one), `pausing`.
        case asking(RedisEndpoint)
        /// Can transition to: `idle` (it is used), `trying` (another one), `asking`, `pausing`.
        case trying(RedisEndpoint, hops: Int)
        /// Can transition to: `asking`, `trying`.
        case pausing
    }

    package static let firstPauseMilliseconds: Int64 = 100
    /// Sentinels need seconds to decide. What comes on top of that should be short against it.
    package static let longestPauseMilliseconds: Int64 = 500

    private let sources: Sources
    private let mayLeaveMachine: Bool
    private var phase = Phase.idle
    /// The source that begins a round.
    private var first = 0
    /// Sources asked in this round.
    private var asked = 0
    private var failedNodes: Set<RedisEndpoint> = []
    private var pauseMilliseconds = Self.firstPauseMilliseconds
    private var hasBegun = false
    /// What was wrong in this round, in order.
    package private(set) var problems: [String] = []

    /// - Parameter mayLeaveMachine: Whether something encrypts connections to other machines.
    package init(_ sources: Sources, mayLeaveMachine: Bool) {
        precondition(
            (1...Limits.redisSources).contains(sources.endpoints.count),
            "\(sources.endpoints.count) sources, must be 1...\(Limits.redisSources)")
        (self.sources, self.mayLeaveMachine) = (sources, mayLeaveMachine)
    }

    package mutating func handle(_ event: Event) -> Action {
        switch event {
        case .wanted:
            if self.hasBegun { self.first = (self.first + 1) % self.sources.endpoints.count }
            self.hasBegun = true
            self.pauseMilliseconds = Self.firstPauseMilliseconds
            return self.beginRound()
        case .pauseOver:
            guard case .pausing = self.phase else { self.trap(event) }
            return self.beginRound()
        case .named(let node):
            guard case .asking = self.phase else { self.trap(event) }
            return self.tryNode(node, hops: 0)
        case .role(let role):
            guard case .trying(let node, _) = self.phase else { self.trap(event) }
            guard role == "master" else { return self.passOver(node, "is no master, but a \(role)") }
            self.first = (self.first + self.asked - 1) % self.sources.endpoints.count
            self.phase = .idle
            return .use(node)
        case .moved(let node):
            guard case .trying(let asked, let hops) = self.phase else { self.trap(event) }
            guard hops < Limits.redisHops else {
                return self.passOver(asked, "names \(node), after \(hops) others: no node has the keys")
            }
            return self.tryNode(node, hops: hops + 1)
        case .failed(let reason):
            switch self.phase {
            case .asking(let sentinel): return self.passOver(sentinel, reason)
            case .trying(let node, _): return self.passOver(node, reason)
            case .idle, .pausing: self.trap(event)
            }
        }
    }

    private mutating func beginRound() -> Action {
        (self.asked, self.failedNodes, self.problems) = (0, [], [])
        return self.askNext()
    }

    private mutating func askNext() -> Action {
        let endpoints = self.sources.endpoints
        guard self.asked < endpoints.count else {
            self.phase = .pausing
            defer { self.pauseMilliseconds = min(2 * self.pauseMilliseconds, Self.longestPauseMilliseconds) }
            return .pause(milliseconds: self.pauseMilliseconds)
        }
        let source = endpoints[(self.first + self.asked) % endpoints.count]
        self.asked += 1
        switch self.sources {
        case .sentinels(_, let master):
            self.phase = .asking(source)
            return .askSentinel(source, master: master)
        case .cluster: return self.tryNode(source, hops: 0)
        }
    }

    private mutating func tryNode(_ node: RedisEndpoint, hops: Int) -> Action {
        guard self.mayLeaveMachine || node.isLoopback else {
            return self.passOver(node, "is on another machine, and nothing encrypts the way there")
        }
        guard !self.failedNodes.contains(node) else { return self.askNext() }
        self.phase = .trying(node, hops: hops)
        return .tryNode(node)
    }

    private mutating func passOver(_ endpoint: RedisEndpoint, _ reason: String) -> Action {
        self.problems.append("\(endpoint) \(reason)")
        self.failedNodes.insert(endpoint)
        return self.askNext()
    }

    private func trap(_ event: Event) -> Never {
        preconditionFailure("\(event) in the phase \(self.phase) of a search for Redis")
    }
}
