import Testing
import TrancheCore

@Suite("Limits") struct LimitsTests {
    @Test("what the code assumes of limits in different places holds") func limitsFitTogether() {
        Limits.checkRelations()
    }
}
