/// How many items a buyer with a token takes, from what the controller of a line has seen.
///
/// It is used to stop a line when those ahead will take all that is left. So it starts low, is never above one item a
/// buyer, and counts items that come back as not taken: the line then stops too late rather than too early. Buyers who
/// come too late get a refusal as sold out; a line that stands too early sells nothing.
struct LineYield: Hashable, Sendable {
    /// Items of a thousand buyers, before there is experience.
    static let firstPermille = 500
    static let lowestPermille = 50
    /// Tokens that make an experience.
    static let tokensNeeded = 20

    private var firstFinished: Int?
    private var finished = 0
    private var mostStock = 0
    private var stockLeft = 0

    /// - Parameters:
    ///   - finished: Tokens that have come to an end, with or without an order.
    ///   - stockLeft: Items that can still be bought.
    mutating func observe(finished: Int, stockLeft: Int) {
        if self.firstFinished == nil { self.firstFinished = finished }
        self.finished = max(self.finished, finished)
        self.mostStock = max(self.mostStock, stockLeft)
        self.stockLeft = stockLeft
    }

    var permille: Int {
        let tokens = self.finished - (self.firstFinished ?? self.finished)
        guard tokens >= Self.tokensNeeded else { return Self.firstPermille }
        return min(1_000, max(Self.lowestPermille, (self.mostStock - self.stockLeft) * 1_000 / tokens))
    }
}
