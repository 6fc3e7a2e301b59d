import Testing
import TrancheAPI
import TrancheCore

@Suite("The end of a stream of pictures") struct PictureTermTests {
    private static let now = Instant(milliseconds: 1_700_000_000_000)

    @Test("a stream ends after the pictures that were asked for") func picturesEnd() {
        var term = PictureTerm(pictures: 2, now: Self.now)
        #expect(!term.isOver(now: Self.now))
        term.count()
        #expect(!term.isOver(now: Self.now))
        term.count()
        #expect(term.isOver(now: Self.now))
    }

    @Test("a reader that takes few pictures does not keep its stream for longer than five minutes")
    func slowReaderEnds() {
        var term = PictureTerm(pictures: PictureTerm.picturesLimit, now: Self.now)
        term.count()
        #expect(!term.isOver(now: Self.now.advanced(milliseconds: 299_999)))
        #expect(term.isOver(now: Self.now.advanced(milliseconds: 300_000)))
    }
}
