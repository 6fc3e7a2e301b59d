/// The secrets of one kind, the newest first, and from when until when each of them counts.
///
/// Whoever checks accepts a secret until its end, also before anybody shows it. Whoever shows, or signs, takes the newest
/// one that has begun. So one list, the same for all processes, changes a secret while they run: each of them has heard of
/// the new one before the first one shows it, and the old one still counts when the last one stops to show it.
package struct DatedSecrets: Hashable, Sendable {
    package struct Secret: Hashable, Sendable {
        package let text: String
        /// Seconds since 1970; `nil`: at once.
        package let shownFrom: Int64?
        /// Seconds since 1970, not included; `nil`: as long as the list has it.
        package let acceptedUntil: Int64?

        package init(_ text: String, shownFrom: Int64? = nil, acceptedUntil: Int64? = nil) {
            (self.text, self.shownFrom, self.acceptedUntil) = (text, shownFrom, acceptedUntil)
        }
    }

    /// The most secrets of one kind.
    package static let limit = 8
    /// The shortest secret, in bytes.
    package static let shortestBytes = 32
    /// The longest text of a list, in bytes.
    package static let textBytes = 16_384

    package let secrets: [Secret]

    /// - Throws: ``SecretsError`` for a list that no process could use at all times.
    package init(_ secrets: [Secret], shortestBytes: Int = Self.shortestBytes) throws(SecretsError) {
        guard !secrets.isEmpty else { throw .empty }
        guard secrets.count <= Self.limit else { throw .tooMany(secrets.count) }
        for (place, secret) in secrets.enumerated() {
            let bytes = secret.text.utf8.count
            guard bytes >= shortestBytes else { throw .tooShort(place: place + 1, bytes: bytes, least: shortestBytes) }
            if let from = secret.shownFrom, let until = secret.acceptedUntil, until <= from {
                throw .endsBeforeItBegins(place: place + 1)
            }
        }
        guard secrets.contains(where: { $0.acceptedUntil == nil }) else { throw .allEnd(secrets.count) }
        self.secrets = secrets
    }

    /// Reads a list: a secret on each line, or several with commas between them, and behind each one `from=SECONDS` and
    /// `until=SECONDS`, if it has such times.
    package init(text: String, shortestBytes: Int = Self.shortestBytes) throws(SecretsError) {
        guard text.utf8.count <= Self.textBytes else { throw .tooLong(text.utf8.count) }
        let pieces = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
            .flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        guard pieces.count <= Self.limit else { throw .tooMany(pieces.count) }
        var secrets: [Secret] = []
        for (place, piece) in pieces.enumerated() { secrets.append(try Secret(piece, place: place + 1)) }
        try self.init(secrets, shortestBytes: shortestBytes)
    }

    /// Those that are accepted, and first of them the one that is shown. There is always one.
    package func valid(at now: Instant) -> [String] {
        let seconds = now.milliseconds / 1_000
        var valid = self.secrets.filter { $0.acceptedUntil.map { seconds < $0 } ?? true }
        // If none has begun, the oldest one is shown.
        let shown = valid.firstIndex { $0.shownFrom.map { $0 <= seconds } ?? true } ?? valid.count - 1
        valid.insert(valid.remove(at: shown), at: 0)
        return valid.map(\.text)
    }

    /// Whether a secret begins or ends at a time: who reads a list once would not see it.
    package var hasTimes: Bool { self.secrets.contains { $0.shownFrom != nil || $0.acceptedUntil != nil } }

    /// The list with a new secret before the others, which end. Those that have ended are gone, and so are those that would
    /// end before anybody shows them: a replacement that is under way must not keep a stolen secret in use.
    package func replaced(
        by secret: String, shownFrom: Int64, othersUntil: Int64, now: Instant
    ) throws(SecretsError) -> DatedSecrets {
        let seconds = now.milliseconds / 1_000
        let kept = self.secrets.filter {
            ($0.acceptedUntil.map { seconds < $0 } ?? true) && ($0.shownFrom.map { $0 < othersUntil } ?? true)
        }.map {
            Secret($0.text, shownFrom: $0.shownFrom, acceptedUntil: min($0.acceptedUntil ?? .max, othersUntil))
        }
        return try DatedSecrets([Secret(secret, shownFrom: shownFrom)] + kept)
    }

    /// As ``init(text:shortestBytes:)`` reads it.
    package var text: String {
        self.secrets.map { secret in
            secret.text + (secret.shownFrom.map { " from=\($0)" } ?? "")
                + (secret.acceptedUntil.map { " until=\($0)" } ?? "") + "\n"
        }.joined()
    }
}

extension DatedSecrets.Secret {
    fileprivate init(_ piece: Substring, place: Int) throws(SecretsError) {
        func trim(_ text: Substring) -> Substring {
            let front = text.drop(while: \.isWhitespace)
            return front[..<(front.lastIndex { !$0.isWhitespace }.map { front.index(after: $0) } ?? front.startIndex)]
        }
        var (rest, from, until): (Substring, Int64?, Int64?) = (trim(piece), nil, nil)
        while let space = rest.lastIndex(where: \.isWhitespace) {
            let word = rest[rest.index(after: space)...]
            let isFrom = word.hasPrefix("from=")
            guard isFrom || word.hasPrefix("until=") else { break }
            let digits = word.drop { $0 != "=" }.dropFirst()
            guard let seconds = Int64(digits), (0...DatedSecrets.latest).contains(seconds),
                (isFrom ? from : until) == nil
            else { throw .badTime(place: place, isFrom ? "from" : "until") }
            if isFrom { from = seconds } else { until = seconds }
            rest = trim(rest[..<space])
        }
        self.init(String(rest), shownFrom: from, acceptedUntil: until)
    }
}

extension DatedSecrets {
    /// The last second of a time: the year 9999. A time in milliseconds is later, and so is no time of a list by mistake.
    fileprivate static let latest: Int64 = 253_402_300_799
}

/// Why a list of secrets is refused. No case has a secret in it, or a part of one.
package enum SecretsError: Error, Hashable, Sendable, CustomStringConvertible {
    case empty
    case tooLong(Int)
    case tooMany(Int)
    case tooShort(place: Int, bytes: Int, least: Int)
    case badTime(place: Int, String)
    case endsBeforeItBegins(place: Int)
    /// Behind the last end no process would have a secret.
    case allEnd(Int)

    package var description: String {
        switch self {
        case .empty: "has no secret"
        case .tooLong(let bytes): "has \(bytes) bytes, at most \(DatedSecrets.textBytes)"
        case .tooMany(let count): "lists \(count) secrets, at most \(DatedSecrets.limit)"
        case .tooShort(let place, let bytes, let least):
            "has \(bytes) bytes in secret \(place) of the list, but needs at least \(least)"
        case .badTime(let place, let name):
            "has behind secret \(place) of the list a \(name)= that is no time: write it once, in seconds since 1970"
        case .endsBeforeItBegins(let place): "lets secret \(place) of the list end before it is shown"
        case .allEnd(let count): "lets all \(count) secrets of the list end: one needs to have no until="
        }
    }
}
