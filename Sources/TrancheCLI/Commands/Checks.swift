import ArgumentParser

/// Limits of what people type: a number beyond them is named, with the limit.
enum Checks {
    static func number<Value: Comparable & CustomStringConvertible>(
        _ option: String, _ value: Value?, in range: ClosedRange<Value>
    ) throws {
        // A number that is none is in no range.
        guard let value, !range.contains(value) else { return }
        throw ValidationError("\(option) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
    }

    static func percent(_ option: String, _ value: Int) throws { try self.number(option, value, in: 0...100) }
}
