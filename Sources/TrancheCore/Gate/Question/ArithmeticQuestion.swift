/// A sum that a person reads from a picture.
package struct ArithmeticQuestion: Hashable, Sendable {
    package static let terms = 10...99
    /// The longest answer, in digits.
    package static let answerDigits = 4

    /// The terms with their signs: the first one is never negative, and the sum is not either.
    package let terms: [Int]
    package var answer: Int { self.terms.reduce(0, +) }

    /// - Parameter level: 0: two terms; from 1 on three. A blind guess hits about one time in a hundred.
    package init(level: Int = 0, using generator: inout some RandomNumberGenerator) {
        var terms = [Int.random(in: Self.terms, using: &generator)]
        for _ in 0..<(level > 0 ? 2 : 1) {
            let (next, sum) = (Int.random(in: Self.terms, using: &generator), terms.reduce(0, +))
            terms.append(Bool.random(using: &generator) && next <= sum ? -next : next)
        }
        self.terms = terms
    }

    /// What the picture shows: digits, `+` and `-`.
    package var symbols: [PictureSymbol] {
        self.terms.enumerated().flatMap { index, term -> [PictureSymbol] in
            let digits = [PictureSymbol.digit(abs(term) / 10), .digit(abs(term) % 10)]
            return index == 0 ? digits : [term < 0 ? .minus : .plus] + digits
        }
    }

    /// The number that a buyer has typed, in its one form; `nil` if it is none.
    package static func number(_ text: String) -> Int? {
        let bytes = text.utf8.drop { $0 == 32 }
        let digits = bytes.prefix { (48...57).contains($0) }
        guard (1...Self.answerDigits).contains(digits.count), bytes.dropFirst(digits.count).allSatisfy({ $0 == 32 })
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }
}
