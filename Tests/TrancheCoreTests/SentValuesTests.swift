import Testing
import TrancheCore

@Suite("Values of which only the changes are sent") struct SentValuesTests {
    typealias Sent = SentValues<Int, Int>

    @Test("a receiver without a message gets all values, and then the changes") func changesFollowTheWhole() {
        var sent = Sent(after: 0)
        let first = sent.send([1: 10, 2: 20], heldBy: nil)
        #expect(first.isWhole && first.values == [1: 10, 2: 20])
        let second = sent.send([1: 10, 2: 21, 3: 30], heldBy: first.number)
        #expect(!second.isWhole && second.values == [2: 21, 3: 30])
        let third = sent.send([1: 10, 2: 21, 3: 30], heldBy: second.number)
        #expect(!third.isWhole && third.values.isEmpty)
    }

    @Test("a receiver that lost a message gets all values") func lostMessageBringsAll() {
        var sent = Sent(after: 0)
        let first = sent.send([1: 10, 2: 20], heldBy: nil)
        _ = sent.send([1: 11, 2: 20], heldBy: first.number)
        let third = sent.send([1: 11, 2: 22], heldBy: first.number)
        #expect(third.isWhole && third.values == [1: 11, 2: 22])
    }

    @Test("a value that is gone brings all others, so that the receiver forgets it") func goneValueBringsAll() {
        var sent = Sent(after: 0)
        let first = sent.send([1: 10, 2: 20], heldBy: nil)
        let second = sent.send([1: 10], heldBy: first.number)
        #expect(second.isWhole && second.values == [1: 10])
    }

    @Test("the number of another sender counts as none") func numbersOfOtherSendersCountAsNone() {
        var (old, new) = (Sent(after: 1 << 32), Sent(after: 2 << 32))
        let first = old.send([1: 10], heldBy: nil)
        #expect(new.send([1: 10], heldBy: first.number).isWhole)
    }

    @Test("each message that arrives makes both sets equal, whichever were lost", arguments: UInt64(0)..<50)
    func receiverEqualsSender(seed: UInt64) {
        var draw = SeededDraw(seed)
        var sent = Sent(after: 0)
        var (values, known, held) = ([Int: Int](), [Int: Int](), UInt64?.none)
        for _ in 0..<200 {
            let changes: Int = draw.below(4)
            for _ in 0..<changes {
                let (key, value): (Int, Int) = (draw.below(6), draw.below(4))
                values[key] = value == 3 ? nil : value
            }
            let message = sent.send(values, heldBy: held)
            let fate: Int = draw.below(3)
            if fate == 0 { continue }
            if message.isWhole { known = [:] }
            known.merge(message.values) { $1 }
            held = message.number
            #expect(known == values)
        }
    }
}
