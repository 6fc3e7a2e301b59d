/// The addresses of all centers, and which one to ask next.
///
/// One center leads, and the others say so. A caller finds it within twice as many calls as there are addresses: it asks
/// them in turn, and follows one hint, which may lead back to where it began. Hints may be old, and point at each other.
package struct CenterAddresses: Hashable, Sendable {
    /// Addresses of one installation.
    package static let limit = 8

    package enum ParseError: Error, Hashable, Sendable {
        /// An address is empty: this one, counted from 1.
        case empty(place: Int)
        case tooMany(Int, limit: Int)
        case repeated(String)
    }

    package enum Answer: Hashable, Sendable {
        /// The center did what was asked, or refused it for a reason of its own: it leads.
        case leads
        /// It does not lead, and may know who does.
        case standby(leader: String?)
        /// It did not answer.
        case silent
    }

    package let all: [String]
    private var index = 0
    /// Those that did not answer since the last one that leads: no hint at them is followed.
    private var silent: Set<Int> = []
    private var mayFollow = true

    /// - Parameter text: One address, or several, separated by commas.
    package init(_ text: String) throws(ParseError) {
        var all: [String] = []
        for (place, part) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            let address = Self.trimmed(part)
            guard !address.isEmpty else { throw .empty(place: place + 1) }
            guard !all.contains(address) else { throw .repeated(address) }
            all.append(address)
        }
        guard all.count <= Self.limit else { throw .tooMany(all.count, limit: Self.limit) }
        self.all = all
    }

    /// - Parameter all: Different addresses, at most ``limit``.
    package init(of all: [String]) {
        precondition((1...Self.limit).contains(all.count) && Set(all).count == all.count, "addresses \(all)")
        self.all = all
    }

    /// The address to ask.
    package var current: String { self.all[self.index] }

    /// Whether there is no other one to ask.
    package var isSingle: Bool { self.all.count == 1 }

    /// Takes in the answer of a call. News from an address that is not asked any more changes nothing.
    package mutating func hear(_ answer: Answer, from address: String) {
        guard address == self.current else { return }
        switch answer {
        case .leads: (self.silent, self.mayFollow) = ([], true)
        case .silent:
            self.silent.insert(self.index)
            self.goOn()
        case .standby(let leader):
            // Only addresses of the own list: a caller's secret goes to no address that a peer names.
            guard self.mayFollow, let leader = leader.map({ Self.trimmed($0[...]) }),
                let hinted = self.all.firstIndex(of: leader), hinted != self.index, !self.silent.contains(hinted)
            else { return self.goOn() }
            (self.index, self.mayFollow) = (hinted, false)
        }
    }

    private mutating func goOn() { self.index = (self.index + 1) % self.all.count }

    /// Without blanks around it, and without slashes at its end.
    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " || text.last == "/" { text.removeLast() }
        return String(text)
    }
}
