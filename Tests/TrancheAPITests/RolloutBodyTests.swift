import Testing
import TrancheAPI

@Suite("The reason of an act about a rollout") struct RolloutBodyTests {
    @Test("it is one line that everybody sees as it is", arguments: ["\n", "\u{7F}", "\u{85}", "\u{202E}", "\u{2028}"])
    func reasonsAreLines(unseen: String) throws {
        #expect(throws: Problem.self) { try RolloutBody(reason: "too \(unseen)slow").check() }
        try RolloutBody(reason: "zu träge 🐌").check()
    }
}
