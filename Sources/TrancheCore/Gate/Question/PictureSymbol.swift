/// A sign of a question as the strokes of a pen, on a grid of 4 by 6.
package enum PictureSymbol: Hashable, Sendable {
    /// 0...9.
    case digit(Int)
    case plus
    case minus

    static let (gridWidth, gridHeight) = (4.0, 6.0)

    /// Each stroke is a line through points; x and y are digits of a number, so 13 is x 1, y 3.
    private static let digits: [[[Int]]] = [
        [[10, 30, 41, 45, 36, 16, 5, 1, 10]],
        [[11, 20, 26], [16, 36]],
        [[1, 10, 30, 41, 42, 6, 46]],
        [[1, 10, 30, 41, 42, 33, 23], [33, 44, 45, 36, 16, 5]],
        [[36, 30, 4, 44]],
        [[40, 0, 2, 32, 43, 45, 36, 16, 5]],
        [[41, 30, 10, 1, 5, 16, 36, 45, 44, 33, 13, 4]],
        [[0, 40, 26]],
        [[13, 2, 1, 10, 30, 41, 42, 33, 13, 4, 5, 16, 36, 45, 44, 33]],
        [[42, 33, 13, 2, 1, 10, 30, 41, 45, 36, 16, 5]],
    ]

    var strokes: [[(x: Double, y: Double)]] {
        let numbers: [[Int]] =
            switch self {
            case .digit(let digit): Self.digits[digit]
            case .plus: [[21, 25], [3, 43]]
            case .minus: [[3, 43]]
            }
        return numbers.map { $0.map { (Double($0 / 10), Double($0 % 10)) } }
    }
}
