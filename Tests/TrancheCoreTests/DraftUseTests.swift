import Testing
import TrancheCore

@Suite("Deletions of drafts and carries into them") struct DraftUseTests {
    @Test("a draft is not deleted while something is carried into it") func carriesExcludeTheDeletion() {
        var use = DraftUse()
        let carries = [use.beginCarry(to: "b"), use.beginCarry(to: "b")]
        #expect(carries == [true, true])
        for _ in 0..<2 {
            let isFree = use.beginDeletion(of: "b")
            #expect(!isFree)
            use.endCarry(to: "b")
        }
        let isFree = use.beginDeletion(of: "b")
        #expect(isFree)
    }

    @Test("nothing is carried into a draft while it is deleted, by one call") func deletionExcludesCarries() {
        var use = DraftUse()
        let begun = [use.beginDeletion(of: "b"), use.beginDeletion(of: "b"), use.beginCarry(to: "b")]
        #expect(begun == [true, false, false])
        let isOtherFree = use.beginCarry(to: "a")
        #expect(isOtherFree)
        use.endCarry(to: "a")
        use.endDeletion(of: "b")
        #expect(use == DraftUse())
    }
}
