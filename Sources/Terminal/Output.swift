import Foundation
import TrancheAPI

/// Prints the output of commands.
package enum Output {
    package static let isTerminal = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    package static func line(_ text: String = "") {
        // A closed pipe must not end a command that has processes to stop.
        var rest = Array((text + "\n").utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            if written <= 0 { return }
            rest = rest.dropFirst(written)
        }
    }

    package static func json(_ value: some Encodable) {
        self.line(String(decoding: JSON.encode(value, pretty: true), as: UTF8.self))
    }

    package static func bold(_ text: String) -> String { self.isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    package static func green(_ text: String) -> String { self.isTerminal ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
    package static func red(_ text: String) -> String { self.isTerminal ? "\u{1B}[31m\(text)\u{1B}[0m" : text }
    package static func dim(_ text: String) -> String { self.isTerminal ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

    /// A table with aligned columns: the first column to the left, the others to the right.
    package static func table(_ header: [String], _ rows: [[String]]) -> [String] {
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        func format(_ row: [String]) -> String {
            row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + padding : padding + text
            }.joined(separator: "  ")
        }
        return [self.bold(format(header))] + rows.map(format)
    }

    /// A number with separators between thousands.
    package static func number(_ value: Int) -> String {
        var (text, count) = ("", 0)
        for digit in String(abs(value)).reversed() {
            if count > 0, count % 3 == 0 { text.append(",") }
            text.append(digit)
            count += 1
        }
        return (value < 0 ? "-" : "") + String(text.reversed())
    }
}
