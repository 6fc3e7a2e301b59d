/// The value of `synchronous_standby_names`: how many standbys confirm a commit.
///
/// `ANY n (a, b)`, `FIRST n (a, b)`, `n (a, b)`, or a list, which means the first of it.
package struct SynchronousStandbys: Hashable, Sendable {
    /// Zero if no standby confirms.
    package let confirmations: Int

    package init(_ text: String) {
        guard let open = text.firstIndex(of: "(") else {
            self.confirmations = text.allSatisfy(\.isWhitespace) ? 0 : 1
            return
        }
        let number = text[..<open].split(separator: " ").last.flatMap { Int($0) }
        self.confirmations = max(0, number ?? 0)
    }
}
