/// What the center tells gates and buyers of a lot's line.
package struct LineState: Hashable, Sendable {
    package let threshold: LineThreshold
    /// Entries so far.
    package let entered: Int
    /// About how many of them may go on.
    package let admitted: Int
    /// About how many a minute were let go on during the last seconds; 0 if the line stands.
    package let perMinute: Int

    package init(threshold: LineThreshold, entered: Int, admitted: Int, perMinute: Int) {
        self.threshold = threshold
        self.entered = entered
        self.admitted = admitted
        self.perMinute = perMinute
    }
}
