import ArgumentParser

/// `us-east=-1000,ap-south=1000`: microseconds by region.
enum ClockOffsets {
    /// The limit of a unit's `clock.offset`.
    static let limitMicroseconds = 60_000_000

    static func parse(_ text: String?, regions: [String]) throws -> [String: Int] {
        var offsets: [String: Int] = [:]
        for part in (text ?? "").split(separator: ",", omittingEmptySubsequences: true) {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, let microseconds = Int(pair[1]) else {
                throw ValidationError("--clock-offsets: \"\(part)\" does not have the form REGION=MICROSECONDS")
            }
            guard regions.contains(String(pair[0])) else {
                throw ValidationError(
                    "--clock-offsets: there is no region \"\(pair[0])\"; known: \(regions.joined(separator: ", "))")
            }
            guard (-self.limitMicroseconds...self.limitMicroseconds).contains(microseconds) else {
                throw ValidationError(
                    "--clock-offsets: \(microseconds) is not in -\(self.limitMicroseconds)...\(self.limitMicroseconds)")
            }
            offsets[String(pair[0])] = microseconds
        }
        return offsets
    }
}
