/// The tape of a run: which request comes next, and, with a renewal, which new one has taken an old one's place.
struct LiveTape {
    private let tape: RequestTape
    private let renewal: (@Sendable (Int) -> String)?
    /// Where the tape goes on.
    private var slot = 0
    /// By slot, with a renewal: the number of its request, and its bytes if they are no longer those of the tape.
    private var numbers: [Int] = []
    private var renewed: [[UInt8]] = []
    private var made: Int

    init(_ tape: RequestTape, renewal: (@Sendable (Int) -> String)?) {
        (self.tape, self.renewal, self.made) = (tape, renewal, tape.count)
        guard renewal != nil else { return }
        self.numbers = Array(0..<tape.count)
        self.renewed = Array(repeating: [], count: tape.count)
    }

    var count: Int { self.tape.count }

    /// Appends the bytes of the next request.
    mutating func next(into piece: inout [UInt8]) -> (slot: Int, number: Int) {
        let slot = self.slot
        self.slot = slot + 1 == self.tape.count ? 0 : slot + 1
        guard self.renewal != nil, !self.renewed[slot].isEmpty else {
            piece.append(contentsOf: self.tape.bytes[self.tape.range(slot)])
            return (slot, slot)
        }
        piece.append(contentsOf: self.renewed[slot])
        return (slot, self.numbers[slot])
    }

    /// Puts a new request into the place of one that was answered 201.
    ///
    /// - Returns: `false` if that was known: the request was sent a second time before its first answer came.
    mutating func noteCreated(_ slot: Int, _ number: Int) -> Bool {
        guard let renewal else { return true }
        guard self.numbers[slot] == number else { return false }
        self.numbers[slot] = self.made
        self.renewed[slot] = Array(renewal(self.made).utf8)
        self.made += 1
        return true
    }
}
