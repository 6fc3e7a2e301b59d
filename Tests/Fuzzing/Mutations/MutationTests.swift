import Testing

@Suite("Readers of data from outside or from disk, with changed inputs") struct MutationTests {
    static let inputs = 5_000

    /// A target that finds something wrong ends the process, with the place in its message.
    @Test("no input ends a process or breaks a rule", arguments: FuzzTarget.allCases)
    func inputsAreRead(target: FuzzTarget) {
        let seeds = target.seeds
        #expect(!seeds.isEmpty)
        for seed in seeds { target.run(seed) }
        var mutation = Mutation(seeds: seeds, state: 1)
        for _ in 0..<Self.inputs { target.run(mutation.next()) }
    }

    @Test("changed inputs are many, of every length up to the longest, and the same in each run")
    func inputsDiffer() {
        let seeds: [[UInt8]] = [Array(0..<200), Array("{\"quantity\":1}".utf8)]
        var (one, same, other) = (
            Mutation(seeds: seeds, state: 1), Mutation(seeds: seeds, state: 1), Mutation(seeds: seeds, state: 2)
        )
        let inputs = (0..<1_000).map { _ in one.next() }
        #expect(inputs == (0..<1_000).map { _ in same.next() })
        #expect(inputs != (0..<1_000).map { _ in other.next() })
        #expect(Set(inputs).count > 900)
        #expect(Set(inputs.map(\.count)).count > 100)
        #expect(inputs.allSatisfy { $0.count <= Mutation.longest })
    }
}
