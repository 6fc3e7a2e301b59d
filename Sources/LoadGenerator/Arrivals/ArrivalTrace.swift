// Recorded arrivals, as a text file of a real sale.

extension ArrivalProfile {
    /// Reads a recorded trace. Its first line says what the other lines are:
    ///
    /// - `counts MILLISECONDS`: one line for each interval of this length, with the number of its requests;
    /// - `times`: one line for each request, with its time in microseconds from the start; no line is earlier than
    /// the one
    ///   before it.
    ///
    /// Empty lines, and lines that begin with `#`, are skipped.
    ///
    /// - Parameter seed: Of the moments within the intervals.
    /// - Throws: ``TraceError`` with the number of the bad line, its value and what was expected.
    package static func trace(_ text: String, seed: UInt64 = 1) throws(TraceError) -> ArrivalProfile {
        var lines: [(number: Int, text: Substring)] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let bare = line.trimmed
            if !bare.isEmpty, !bare.hasPrefix("#") { lines.append((index + 1, bare)) }
        }
        guard let head = lines.first else {
            throw TraceError(line: 1, reason: "the trace is empty; expected \"counts MILLISECONDS\" or \"times\"")
        }
        let words = head.text.split(separator: " ")
        guard lines.count > 1 else {
            throw TraceError(line: head.number, reason: "the trace has no line behind its first")
        }
        switch words.first {
        case "times" where words.count == 1: return try self.times(lines.dropFirst())
        case "counts" where words.count == 2:
            let length = try self.number(words[1], in: 1...60_000, "milliseconds of an interval", line: head.number)
            return try self.counts(lines.dropFirst(), milliseconds: length, seed: seed)
        default:
            throw TraceError(
                line: head.number, reason: "\"\(head.text)\" is not \"counts MILLISECONDS\" or \"times\"")
        }
    }

    private static func counts(
        _ lines: ArraySlice<(number: Int, text: Substring)>, milliseconds: Int64, seed: UInt64
    ) throws(TraceError) -> ArrivalProfile {
        var (intervals, total) = ([Interval](), 0)
        for line in lines {
            let room = Int64(self.requestsLimit - total)
            let count = try self.number(
                line.text, in: 0...room, "requests (of \(self.requestsLimit) in all)", line: line.number)
            total += Int(count)
            intervals.append(Interval(microseconds: milliseconds * 1_000, requests: Int(count)))
            guard Int64(intervals.count) * milliseconds * 1_000 <= self.microsecondsLimit else {
                throw TraceError(
                    line: line.number,
                    reason:
                        "\(intervals.count) intervals of \(milliseconds) ms are longer than "
                        + "\(self.microsecondsLimit / 1_000_000) s"
                )
            }
        }
        return ArrivalProfile("trace", intervals: intervals, seed: seed)
    }

    private static func times(_ lines: ArraySlice<(number: Int, text: Substring)>) throws(TraceError) -> ArrivalProfile
    {
        var due: [Int64] = []
        for line in lines {
            guard due.count < self.requestsLimit else {
                throw TraceError(line: line.number, reason: "a trace has at most \(self.requestsLimit) requests")
            }
            due.append(
                try self.number(
                    line.text, in: (due.last ?? 0)...self.microsecondsLimit, "microseconds, not before the line above",
                    line: line.number))
        }
        return ArrivalProfile("trace", due: due, length: due.last ?? 0)
    }

    private static func number(
        _ text: Substring, in range: ClosedRange<Int64>, _ what: String, line: Int
    ) throws(TraceError) -> Int64 {
        guard let value = Int64(text), range.contains(value) else {
            throw TraceError(
                line: line,
                reason: "\"\(text)\" is not a number of \(what); expected \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

extension Substring {
    /// Without blanks and tabs at both ends.
    fileprivate var trimmed: Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
