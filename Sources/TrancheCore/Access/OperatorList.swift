/// The operators that an installation knows, as their file has them: a name, a role, and the digest of a credential on each
/// line.
///
/// The digest is plain SHA-256. A slow one makes guesses expensive, and nobody guesses 32 random bytes; people choose no
/// credential here.
package struct OperatorList: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let role: OperatorRole
        /// SHA-256 of the credential, in 64 hexadecimal digits; `nil` for somebody who has a certificate only.
        package let digest: String?

        package init(name: String, role: OperatorRole, digest: String?) {
            (self.name, self.role, self.digest) = (name, role, digest)
        }

        package var caller: Operator { Operator(name: self.name, role: self.role) }
    }

    /// Entries of a list.
    package static let limit = 64
    /// Bytes of a file.
    package static let textBytes = 16 << 10
    /// The name of whoever shows the secret of admins.
    package static let reserved = "admin"
    /// In place of a digest.
    private static let noDigest = "-"

    package private(set) var entries: [Entry]

    package init(_ entries: [Entry] = []) throws(OperatorListError) {
        guard entries.count <= Self.limit else { throw .tooMany(entries.count) }
        for (place, entry) in entries.enumerated() {
            guard ProcessName.isName(entry.name) else { throw .badName(entry.name) }
            guard entry.name != Self.reserved else { throw .reservedName }
            if let digest = entry.digest, !Self.isDigest(digest) { throw .badDigest(entry.name) }
            for other in entries[..<place] {
                guard other.name != entry.name else { throw .twice(entry.name) }
                // Of two with one credential nobody could say who acted.
                guard entry.digest == nil || other.digest != entry.digest else {
                    throw .sameCredential(other.name, entry.name)
                }
            }
        }
        self.entries = entries
    }

    /// Reads a file. Lines that are empty, or begin with #, are skipped.
    package init(text: String) throws(OperatorListError) {
        guard text.utf8.count <= Self.textBytes else { throw .tooLong(text.utf8.count) }
        var entries: [Entry] = []
        for (place, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count == 3 else { throw .badLine(place + 1) }
            guard let role = OperatorRole(rawValue: String(words[1])) else {
                throw .unknownRole(line: place + 1, String(words[1]))
            }
            let digest = words[2] == Self.noDigest ? nil : String(words[2])
            entries.append(Entry(name: String(words[0]), role: role, digest: digest))
        }
        try self.init(entries)
    }

    /// As ``init(text:)`` reads it.
    package var text: String {
        self.entries.map { "\($0.name) \($0.role.rawValue) \($0.digest ?? Self.noDigest)\n" }.joined()
    }

    package func entry(named name: String) -> Entry? { self.entries.first { $0.name == name } }

    /// A digest is no secret, so how long a comparison takes tells nothing.
    package func entry(digest: String) -> Entry? { self.entries.first { $0.digest == digest } }

    package func adding(_ entry: Entry) throws(OperatorListError) -> OperatorList {
        try OperatorList(self.entries + [entry])
    }

    package func removing(_ name: String) throws(OperatorListError) -> OperatorList {
        guard self.entry(named: name) != nil else { throw .unknown(name) }
        return try OperatorList(self.entries.filter { $0.name != name })
    }

    /// The list with another credential, or another role, of somebody who is in it.
    package func replacing(_ entry: Entry) throws(OperatorListError) -> OperatorList {
        guard self.entry(named: entry.name) != nil else { throw .unknown(entry.name) }
        return try OperatorList(self.entries.map { $0.name == entry.name ? entry : $0 })
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}

/// Why a list of operators is refused. No case has a digest in it.
package enum OperatorListError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong(Int)
    case tooMany(Int)
    case badLine(Int)
    case unknownRole(line: Int, String)
    case badName(String)
    case reservedName
    case badDigest(String)
    case twice(String)
    case sameCredential(String, String)
    case unknown(String)

    package var description: String {
        let roles = OperatorRole.allCases.map(\.rawValue).joined(separator: ", ")
        return switch self {
        case .tooLong(let bytes): "has \(bytes) bytes, at most \(OperatorList.textBytes)"
        case .tooMany(let count): "lists \(count) operators, at most \(OperatorList.limit)"
        case .badLine(let line): "has in line \(line) no name, role and digest with blanks between them"
        case .unknownRole(let line, let role):
            "has in line \(line) \"\(role.prefix(40))\", which is no role; there are \(roles)"
        case .badName(let name):
            "names \"\(name.prefix(100))\", but a name has \(ProcessName.nameBytes.lowerBound) to "
                + "\(ProcessName.nameBytes.upperBound) letters, digits, dots, dashes and underscores"
        case .reservedName:
            "names \(OperatorList.reserved), which is whoever shows TRANCHE_ADMIN_SECRET: choose another name"
        case .badDigest(let name):
            "has for \(name) neither 64 lower-case hexadecimal digits nor - in the place of the digest"
        case .twice(let name): "names \(name) twice"
        case .sameCredential(let one, let other): "has one credential for \(one) and \(other)"
        case .unknown(let name): "does not name \"\(name.prefix(64))\""
        }
    }
}
