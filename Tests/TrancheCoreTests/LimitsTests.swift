import Testing
import TrancheCore

@Suite("Limits") struct LimitsTests {
    @Test("the relations between limits hold") func limitsFitTogether() {
        Limits.checkRelations()
    }
}
