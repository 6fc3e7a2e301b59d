import Testing
import TrancheCore

@Suite("The search for a unit's Redis") struct RedisSearchTests {
    private static let sentinels = (1...3).map { RedisEndpoint(host: "127.0.0.1", port: UInt16(8_000 + $0)) }
    private static let nodes = (1...3).map { RedisEndpoint(host: "127.0.0.1", port: UInt16(7_000 + $0)) }

    private static func behindSentinels(mayLeaveMachine: Bool = false) -> RedisSearch {
        RedisSearch(.sentinels(Self.sentinels, master: "unit-1"), mayLeaveMachine: mayLeaveMachine)
    }

    private static func ask(_ place: Int) -> RedisSearch.Action {
        .askSentinel(Self.sentinels[place], master: "unit-1")
    }

    @Test("a master that a Sentinel names is used only after it calls itself a master")
    func masterMustSaySo() {
        var search = Self.behindSentinels()
        #expect(search.handle(.wanted) == Self.ask(0))
        #expect(search.handle(.named(Self.nodes[0])) == .tryNode(Self.nodes[0]))
        #expect(search.handle(.role("slave")) == Self.ask(1), "this Sentinel has not heard of the promotion")
        #expect(search.handle(.named(Self.nodes[1])) == .tryNode(Self.nodes[1]))
        #expect(search.handle(.role("master")) == .use(Self.nodes[1]))
        #expect(search.problems == ["127.0.0.1:7001 is no master, but a slave"])
    }

    @Test("a node that did not answer is tried once in a round, and again in the next one")
    func deadNodeIsTriedOnceInARound() {
        var search = Self.behindSentinels()
        _ = search.handle(.wanted)
        #expect(search.handle(.named(Self.nodes[0])) == .tryNode(Self.nodes[0]))
        #expect(search.handle(.failed("does not answer")) == Self.ask(1))
        #expect(search.handle(.named(Self.nodes[0])) == Self.ask(2))
        #expect(search.handle(.named(Self.nodes[0])) == .pause(milliseconds: RedisSearch.firstPauseMilliseconds))
        #expect(search.handle(.pauseOver) == Self.ask(0))
        #expect(search.handle(.named(Self.nodes[0])) == .tryNode(Self.nodes[0]))
    }

    @Test("pauses grow up to a limit, and a new wish begins with the shortest") func pausesAreBounded() {
        var search = Self.behindSentinels()
        func failedRound(_ event: RedisSearch.Event) -> Int64? {
            var action = search.handle(event)
            while case .askSentinel = action { action = search.handle(.failed("does not answer")) }
            if case .pause(let milliseconds) = action { return milliseconds }
            return nil
        }
        let first = failedRound(.wanted)
        let pauses = [first] + (1...4).map { _ in failedRound(.pauseOver) }
        #expect(pauses == [100, 200, 400, 500, 500])
        #expect(search.problems.count == 3, "those of one round only")
        #expect(search.handle(.pauseOver) == Self.ask(0))
        #expect(search.handle(.named(Self.nodes[0])) == .tryNode(Self.nodes[0]))
        #expect(search.handle(.role("master")) == .use(Self.nodes[0]))
        #expect(failedRound(.wanted) == 100)
    }

    @Test("after a loss the next source begins, and every source is asked once") func nextSourceBegins() {
        var search = Self.behindSentinels()
        #expect(search.handle(.wanted) == Self.ask(0))
        #expect(search.handle(.failed("does not answer")) == Self.ask(1))
        _ = search.handle(.named(Self.nodes[0]))
        #expect(search.handle(.role("master")) == .use(Self.nodes[0]))
        #expect(search.handle(.wanted) == Self.ask(2), "the second one led to the node that was lost")
        #expect(search.handle(.failed("does not answer")) == Self.ask(0))
        #expect(search.handle(.failed("does not answer")) == Self.ask(1))
        #expect(search.handle(.failed("does not answer")) == .pause(milliseconds: 100))
    }

    @Test("without encryption nobody sends a unit, with its password, to another machine")
    func searchStaysOnTheMachine() {
        let elsewhere = RedisEndpoint(host: "10.0.0.9", port: 6_379)
        var search = Self.behindSentinels()
        _ = search.handle(.wanted)
        #expect(search.handle(.named(elsewhere)) == Self.ask(1))
        #expect(search.handle(.named(Self.nodes[0])) == .tryNode(Self.nodes[0]))
        #expect(search.handle(.moved(elsewhere)) == Self.ask(2))
        var open = Self.behindSentinels(mayLeaveMachine: true)
        _ = open.handle(.wanted)
        #expect(open.handle(.named(elsewhere)) == .tryNode(elsewhere))
    }

    @Test("nodes of a cluster are followed, a bounded number of times") func hopsAreBounded() {
        var search = RedisSearch(.cluster(Self.nodes), mayLeaveMachine: false)
        #expect(search.handle(.wanted) == .tryNode(Self.nodes[0]))
        #expect(search.handle(.moved(Self.nodes[2])) == .tryNode(Self.nodes[2]))
        #expect(search.handle(.role("master")) == .use(Self.nodes[2]))

        #expect(search.handle(.wanted) == .tryNode(Self.nodes[1]))
        for hop in 1...Limits.redisHops {
            let next = Self.nodes[hop % 2]
            #expect(search.handle(.moved(next)) == .tryNode(next))
        }
        #expect(search.handle(.moved(Self.nodes[1])) == .tryNode(Self.nodes[2]), "the next one in the settings")
        #expect(search.handle(.failed("does not answer")) == .pause(milliseconds: 100), "the last hop was to the first")
    }

    @Test("every search ends a round in bounded steps, whatever is answered", arguments: 1...50 as ClosedRange<UInt64>)
    func everyRoundEnds(seed: UInt64) {
        var state = seed
        func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(sides))
        }
        let sources: RedisSearch.Sources =
            seed % 2 == 0 ? .cluster(Self.nodes) : .sentinels(Self.sentinels, master: "m")
        var search = RedisSearch(sources, mayLeaveMachine: false)
        var action = search.handle(.wanted)
        var (steps, rounds) = (0, 0)
        for _ in 0..<2_000 {
            steps += 1
            #expect(steps <= 3 * (Limits.redisHops + 2) + 1, "steps in one round")
            switch action {
            case .pause(let milliseconds):
                #expect((100...500).contains(milliseconds))
                (steps, rounds) = (0, rounds + 1)
                action = search.handle(.pauseOver)
            case .use:
                (steps, rounds) = (0, rounds + 1)
                action = search.handle(.wanted)
            case .askSentinel:
                action = search.handle(roll(3) == 0 ? .failed("does not answer") : .named(Self.nodes[roll(3)]))
            case .tryNode:
                let events: [RedisSearch.Event] = [
                    .failed("does not answer"), .role("slave"), .role("master"), .moved(Self.nodes[roll(3)]),
                    .moved(Self.nodes[roll(3)]),
                ]
                action = search.handle(events[roll(events.count)])
            }
        }
        #expect(rounds > 50)
    }

    @Test(
        "addresses are read as Sentinels and nodes write them",
        arguments: [
            ("127.0.0.1:6379", "127.0.0.1", 6_379), ("redis.example:1", "redis.example", 1),
            ("[::1]:6379", "::1", 6_379), ("::1:6379", "::1", 6_379), ("a:65535", "a", 65_535),
        ])
    func addressesAreRead(text: String, host: String, port: UInt16) {
        #expect(RedisEndpoint(text) == RedisEndpoint(host: host, port: port))
    }

    @Test("what is no address is none", arguments: ["", "a", ":1", "a:", "a:0", "a:65536", "a:-1", "a b:1", "[]:1"])
    func otherTextsAreNoAddresses(text: String) { #expect(RedisEndpoint(text) == nil) }

    @Test("an error that names another node is understood, also without its host")
    func movedIsUnderstood() {
        let asked = RedisEndpoint(host: "10.0.0.1", port: 7_000)
        func moved(_ text: String) -> RedisEndpoint? { RedisEndpoint.moved(text, by: asked) }
        #expect(moved("MOVED 9842 127.0.0.1:7102") == RedisEndpoint(host: "127.0.0.1", port: 7_102))
        #expect(moved("MOVED 9842 node.example:7102") == RedisEndpoint(host: "node.example", port: 7_102))
        #expect(moved("MOVED 9842 :7102") == RedisEndpoint(host: "10.0.0.1", port: 7_102))
        #expect(moved("MOVED 9842 ?:7102") == RedisEndpoint(host: "10.0.0.1", port: 7_102))
        #expect(moved("MOVED 9842 fe80::1:7102") == RedisEndpoint(host: "fe80::1", port: 7_102))
        for text in ["", "MOVED", "MOVED 1", "MOVED 1 x", "ASK 9842 127.0.0.1:7102", "READONLY You can't write"] {
            #expect(moved(text) == nil, "\(text)")
        }
    }

    @Test("only addresses of this machine count as such")
    func loopbackIsTold() {
        for host in ["127.0.0.1", "127.8.9.1", "localhost", "::1"] {
            #expect(RedisEndpoint(host: host, port: 1).isLoopback, "\(host)")
        }
        for host in ["10.0.0.1", "127.0.0.1.example", "localhost.example", "127.0.0", "128.0.0.1", "::2"] {
            #expect(!RedisEndpoint(host: host, port: 1).isLoopback, "\(host)")
        }
    }
}
