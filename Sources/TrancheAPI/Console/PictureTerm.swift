package import TrancheCore

/// When a stream of pictures ends. Its reader asks again then, and shows its credential again.
///
/// A reader that is slow gets fewer pictures than one a second, so pictures alone would not bound the time.
package struct PictureTerm: Sendable {
    package static let picturesLimit = 300
    /// From the beginning of the stream.
    package static let millisecondsLimit: Int64 = 300_000

    private var left: Int
    private let end: Instant

    /// - Parameters:
    ///   - pictures: How many the reader wants.
    ///   - now: By a clock that never steps.
    package init(pictures: Int, now: Instant) {
        self.left = pictures
        self.end = now.advanced(milliseconds: Self.millisecondsLimit)
    }

    package func isOver(now: Instant) -> Bool { self.left <= 0 || now >= self.end }

    /// Notes that a picture was written.
    package mutating func count() { self.left -= 1 }
}
