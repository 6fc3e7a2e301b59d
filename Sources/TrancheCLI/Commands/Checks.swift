import ArgumentParser

/// Checks numbers in options: the error names the value and its limits.
enum Checks {
    static func number<Value: Comparable & CustomStringConvertible>(
        _ option: String, _ value: Value?, in range: ClosedRange<Value>
    ) throws {
        // NaN is outside of every range.
        guard let value, !range.contains(value) else { return }
        throw ValidationError("\(option) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
    }

    static func percent(_ option: String, _ value: Int) throws { try self.number(option, value, in: 0...100) }
}
