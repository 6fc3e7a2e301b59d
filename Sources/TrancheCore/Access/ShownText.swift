extension Unicode.Scalar {
    /// Whether it stays where it is written in a line: terminals show a text with others in more lines, or in another order.
    package var isShownInLine: Bool {
        switch self.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}

extension String {
    /// Whether it is one line, without control characters and other invisible ones.
    package var isShownInLine: Bool { self.unicodeScalars.allSatisfy(\.isShownInLine) }
}
