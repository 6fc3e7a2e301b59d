import Testing
import TrancheCore

@Suite("Questions of a gate") struct QuestionTests {
    /// xorshift64* (Vigna, 2016).
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state ^= self.state >> 12
            self.state ^= self.state << 25
            self.state ^= self.state >> 27
            return self.state &* 0x2545_F491_4F6C_DD1D
        }
    }

    @Test("a sum is never negative, has few digits, and its symbols say it", arguments: [0, 1, 2])
    func sumsAreSmall(level: Int) {
        var random = Random(state: 7)
        var counts: [Int: Int] = [:]
        for _ in 0..<2_000 {
            let question = ArithmeticQuestion(level: level, using: &random)
            #expect(question.terms.count == (level == 0 ? 2 : 3))
            #expect(question.terms.allSatisfy { ArithmeticQuestion.terms.contains(abs($0)) })
            #expect((0...999).contains(question.answer))
            var (sum, sign, number) = (0, 1, 0)
            for symbol in question.symbols {
                switch symbol {
                case .digit(let digit): number = number * 10 + digit
                case .plus, .minus:
                    sum += sign * number
                    (sign, number) = (symbol == .plus ? 1 : -1, 0)
                }
            }
            #expect(sum + sign * number == question.answer)
            counts[question.answer, default: 0] += 1
        }
        // No answer is so frequent that a program would guess it.
        #expect(counts.values.allSatisfy { $0 < 60 }, "\(counts.values.max() ?? 0) of 2000")
    }

    @Test(
        "an answer is a plain number",
        arguments: [
            ("17", 17), (" 17 ", 17), ("0", 0), ("0017", 17), ("", nil), ("-1", nil), ("1 7", nil), ("17.0", nil),
            ("12345", nil), ("1e2", nil), ("１７", nil), ("17x", nil),
        ] as [(String, Int?)])
    func answersAreNumbers(text: String, number: Int?) {
        #expect(ArithmeticQuestion.number(text) == number)
    }

    @Test("the same sum has many pictures, and the same random numbers give the same one")
    func picturesDiffer() {
        let symbols: [PictureSymbol] = [.digit(1), .digit(7), .plus, .digit(2), .digit(4)]
        func draw(_ seed: UInt64) -> BitPicture {
            var random = Random(state: seed)
            return QuestionPicture.draw(symbols, using: &random)
        }
        #expect(draw(1) == draw(1))
        #expect(Set((1...20).map { draw($0).bitmap }).count == 20)
    }

    @Test("every symbol is drawn within the picture, and the picture is not full of ink")
    func symbolsAreDrawn() {
        for symbol in (0...9).map({ PictureSymbol.digit($0) }) + [.plus, .minus] {
            var random = Random(state: 3)
            let picture = QuestionPicture.draw([symbol], using: &random)
            var middle = 0
            for x in 98..<158 { for y in 5..<75 where picture[x, y] { middle += 1 } }
            #expect((60...2_000).contains(middle), "\(symbol): \(middle) points")
        }
    }

    @Test("the file is a bitmap of one bit a point, whose sizes agree") func fileIsBitmap() {
        var picture = BitPicture(width: 33, height: 16)
        picture[0, 0] = true
        picture[32, 15] = true
        picture[33, 0] = true  // Outside: nothing happens.
        let file = picture.bitmap
        func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) } }
        #expect(file.count == 62 + 8 * 16 && number(2) == file.count && number(10) == 62)
        #expect(number(18) == 33 && number(22) == 16 && number(34) == 8 * 16)
        #expect(file[62 + 4] == 0x80, "the last row comes first")
        #expect(file[62 + 8 * 15] == 0x80)
        #expect(file[62...].reduce(0) { $0 + $1.nonzeroBitCount } == 2)
    }
}
