/// Draws a question so that a person reads it at once, and a program needs to see: symbols that lean and wave, lines
/// across them, and speckles. A program that has learned such pictures reads them, too.
package enum QuestionPicture {
    package static let width = 256
    package static let height = 80
    private static let lines = 4
    private static let cuts = 2
    private static let speckles = 300

    package static func draw(
        _ symbols: [PictureSymbol], using generator: inout some RandomNumberGenerator
    ) -> BitPicture {
        precondition((1...12).contains(symbols.count), "\(symbols.count) symbols in one picture")
        var picture = BitPicture(width: self.width, height: self.height)
        let wave = Wave(using: &generator)
        let cell = Double(self.width - 16) / Double(symbols.count)
        for (index, symbol) in symbols.enumerated() {
            let pose = Pose(center: 8 + cell * (Double(index) + 0.5), cell: cell, using: &generator)
            // A thin minus would be one line among the others.
            let pen = symbol == .plus || symbol == .minus ? pose.pen + 1 : pose.pen
            for stroke in symbol.strokes {
                let points = stroke.map { wave.bend(pose.place($0)) }
                for (start, end) in zip(points, points.dropFirst()) {
                    picture.draw(from: start, to: end, radius: pen, ink: true)
                }
            }
        }
        for index in 0..<(self.cuts + self.lines) {
            self.line(in: &picture, ink: index >= self.cuts, using: &generator)
        }
        for _ in 0..<self.speckles {
            let x = Int.random(in: 0..<self.width, using: &generator)
            let y = Int.random(in: 0..<self.height, using: &generator)
            picture[x, y].toggle()
        }
        return picture
    }

    /// A bow from the left edge to the right one.
    private static func line(
        in picture: inout BitPicture, ink: Bool, using generator: inout some RandomNumberGenerator
    ) {
        let (right, bottom) = (Double(self.width - 1), Double(self.height - 1))
        let heights = (0..<3).map { _ in Double.random(in: 0...bottom, using: &generator) }
        let middle = Double.random(in: right / 4...right * 3 / 4, using: &generator)
        let pen = Double.random(in: 0.6...0.95, using: &generator)
        var last = (x: 0.0, y: heights[0])
        for step in 1...16 {
            let (share, rest) = (Double(step) / 16, 1 - Double(step) / 16)
            let next = (
                x: 2 * rest * share * middle + share * share * right,
                y: rest * rest * heights[0] + 2 * rest * share * heights[1] + share * share * heights[2]
            )
            picture.draw(from: last, to: next, radius: pen, ink: ink)
            last = next
        }
    }
}

/// Where a symbol stands, and how it leans.
private struct Pose {
    private let center: (x: Double, y: Double)
    private let size: (x: Double, y: Double)
    private let lean: (x: Double, y: Double)
    let pen: Double

    init(center: Double, cell: Double, using generator: inout some RandomNumberGenerator) {
        func number(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &generator) }
        let scale = min(7, cell / 5.5)
        self.center = (
            center + number(-0.08...0.08) * cell, Double(QuestionPicture.height) / 2 + number(-6...6)
        )
        self.size = (scale * number(0.85...1.1), scale * number(0.9...1.15))
        self.lean = (number(-0.3...0.3), number(-0.2...0.2))
        self.pen = number(1.4...2.2)
    }

    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
        let x = (point.x - PictureSymbol.gridWidth / 2) * self.size.x
        let y = (point.y - PictureSymbol.gridHeight / 2) * self.size.y
        return (self.center.x + x + self.lean.x * y, self.center.y + y + self.lean.y * x)
    }
}

/// Moves points up and down along the picture.
private struct Wave {
    private let height: Double
    private let length: Double
    private let phase: Double

    init(using generator: inout some RandomNumberGenerator) {
        self.height = Double.random(in: 2...5, using: &generator)
        self.length = Double.random(in: 70...140, using: &generator)
        self.phase = Double.random(in: 0...1, using: &generator)
    }

    func bend(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
        let turns = point.x / self.length + self.phase
        let quarter = (turns - turns.rounded(.down)) * 4
        // Two parabolas instead of a sine, which the core does not have.
        let value = quarter < 2 ? quarter * (2 - quarter) : -(quarter - 2) * (4 - quarter)
        return (point.x, point.y + self.height * value)
    }
}
