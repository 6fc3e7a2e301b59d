extension GateFairnessWorkload {
    /// What one kind of buyers asked for and got.
    package struct Share: Hashable, Sendable, Codable {
        package var buyers: Int
        package var requests = 0
        /// Requests that the limits refused.
        package var limited = 0
        package var won = 0
        package init(buyers: Int) { self.buyers = buyers }

        package var rate: Double { Double(self.won) / Double(max(1, self.buyers)) }

        package static func + (left: Share, right: Share) -> Share {
            var sum = left
            sum.buyers += right.buyers
            sum.requests += right.requests
            sum.limited += right.limited
            sum.won += right.won
            return sum
        }
    }

    package struct Result: Hashable, Sendable, Codable {
        package var people: Share
        package var scripts: Share
        /// The most items of one identity.
        package var mostOfOne: Int
        /// From the opening to the last item, in seconds.
        package var seconds: Double

        /// A script's chance to win, by a person's.
        package var ratio: Double { self.scripts.rate / max(self.people.rate, .leastNormalMagnitude) }

        /// The standard error of ``ratio``: with these numbers of buyers, about two of three ratios of a draw without any
        /// advantage are closer to 1 than this (the delta method, for two independent shares).
        package var standardError: Double {
            func variance(_ share: Share) -> Double { (1 - share.rate) / Double(max(1, share.won)) }
            return self.ratio * (variance(self.people) + variance(self.scripts)).squareRoot()
        }

        /// Both runs as one with more buyers.
        package static func + (left: Result, right: Result) -> Result {
            Result(
                people: left.people + right.people, scripts: left.scripts + right.scripts,
                mostOfOne: max(left.mostOfOne, right.mostOfOne), seconds: max(left.seconds, right.seconds))
        }
    }
}
