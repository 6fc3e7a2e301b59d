/// What a provider says of a person who signed in, after its signature was checked.
package struct LoginClaims: Hashable, Sendable {
    package let subject: String
    /// `nil` if the provider does not say that it has verified the address.
    package let email: String?
    package let groups: [String]

    package init(subject: String, email: String?, groups: [String]) {
        (self.subject, self.email, self.groups) = (subject, email, groups)
    }
}

/// The people who may sign in with the shop's provider, as their file has them. It is closed: nobody else gets in, whatever the
/// provider says of them.
///
/// Each line is `sub VALUE NAME ROLE` or `email VALUE NAME ROLE`, with `-` in place of the role if groups give it, or `group VALUE
/// ROLE`. A group gives a person of the list a role; it lets nobody in.
package struct LoginList: Hashable, Sendable {
    package enum Claim: String, Hashable, Sendable, CaseIterable {
        /// The provider's own name of a person, which it gives to nobody else.
        case sub
        case email
    }
    package struct Person: Hashable, Sendable {
        package let claim: Claim
        package let value: String
        package let name: String
        /// `nil`: the highest one that a group gives.
        package let role: OperatorRole?
    }
    package struct Group: Hashable, Sendable {
        package let value: String
        package let role: OperatorRole
    }

    /// Lines of people and groups.
    package static let limit = 256
    /// Bytes of a file.
    package static let textBytes = 64 << 10
    /// Bytes of a value of a claim.
    package static let valueBytes = 256

    package private(set) var people: [Person] = []
    package private(set) var groups: [Group] = []

    package init() {}

    /// Reads a file. Lines that are empty, or begin with #, are skipped.
    package init(text: String) throws(LoginListError) {
        guard text.utf8.count <= Self.textBytes else { throw .tooLong(text.utf8.count) }
        for (place, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace).map { String($0) }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            try self.add(words, line: place + 1)
            let count = self.people.count + self.groups.count
            guard count <= Self.limit else { throw .tooMany(count) }
        }
    }

    private mutating func add(_ words: [String], line: Int) throws(LoginListError) {
        guard words.count == (words[0] == "group" ? 3 : 4), words[1].utf8.count <= Self.valueBytes else {
            throw .badLine(line)
        }
        guard words[0] != "group" else {
            guard let role = OperatorRole(rawValue: words[2]) else { throw .unknownRole(line: line, words[2]) }
            guard !self.groups.contains(where: { $0.value == words[1] }) else { throw .twice(line: line, words[1]) }
            return self.groups.append(Group(value: words[1], role: role))
        }
        guard let claim = Claim(rawValue: words[0]) else { throw .unknownClaim(line: line, words[0]) }
        let role = words[3] == "-" ? nil : OperatorRole(rawValue: words[3])
        guard role != nil || words[3] == "-" else { throw .unknownRole(line: line, words[3]) }
        guard ProcessName.isName(words[2]), words[2] != OperatorList.reserved else {
            throw .badName(line: line, words[2])
        }
        let value = claim == .email ? Self.lowered(words[1]) : words[1]
        guard !self.people.contains(where: { $0.claim == claim && $0.value == value }) else {
            throw .twice(line: line, words[1])
        }
        // Two roles of one name would depend on which line a person is found by.
        guard !self.people.contains(where: { $0.name == words[2] && $0.role != role }) else {
            throw .twoRoles(line: line, words[2])
        }
        self.people.append(Person(claim: claim, value: value, name: words[2], role: role))
    }

    /// Who a person is.
    ///
    /// - Throws: ``LoginRefusal``: nobody of the list, or two of it, or somebody without a role.
    package func person(_ claims: LoginClaims) throws(LoginRefusal) -> Operator {
        let email = claims.email.map { Self.lowered($0) }
        let found = self.people.filter {
            switch $0.claim {
            case .sub: $0.value == claims.subject
            case .email: $0.value == email
            }
        }
        guard let first = found.first else { throw .unknown(claims.email ?? claims.subject) }
        guard found.allSatisfy({ $0.name == first.name }) else { throw .twoPeople(first.name, found.last!.name) }
        let given = self.groups.filter { claims.groups.contains($0.value) }.map(\.role)
        let highest = OperatorRole.allCases.last { given.contains($0) }
        guard let role = first.role ?? highest else { throw .noRole(first.name) }
        return Operator(name: first.name, role: role)
    }

    /// Addresses differ by case in nobody's post office; other letters stay as they are.
    private static func lowered(_ text: String) -> String {
        String(decoding: text.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}

/// Why somebody who has signed in with the provider gets no further.
package enum LoginRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    case unknown(String)
    case twoPeople(String, String)
    case noRole(String)

    package var description: String {
        switch self {
        case .unknown(let who):
            "\"\(who.prefix(100))\" is not in the list of people who may sign in (operators.login.people)"
        case .twoPeople(let one, let other): "the claims are those of \(one) and of \(other)"
        case .noRole(let name): "no group of the list gives \(name) a role"
        }
    }
}

/// Why a list of people is refused.
package enum LoginListError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong(Int)
    case tooMany(Int)
    case badLine(Int)
    case unknownClaim(line: Int, String)
    case unknownRole(line: Int, String)
    case badName(line: Int, String)
    case twice(line: Int, String)
    case twoRoles(line: Int, String)

    package var description: String {
        let roles = OperatorRole.allCases.map(\.rawValue).joined(separator: ", ")
        return switch self {
        case .tooLong(let bytes): "has \(bytes) bytes, at most \(LoginList.textBytes)"
        case .tooMany(let count): "has \(count) people and groups, at most \(LoginList.limit)"
        case .badLine(let line):
            "has in line \(line) neither a claim, a value of at most \(LoginList.valueBytes) bytes, a name and a role, "
                + "nor group, a value and a role"
        case .unknownClaim(let line, let claim):
            "has in line \(line) \"\(claim.prefix(40))\" in place of sub, email or group"
        case .unknownRole(let line, let role):
            "has in line \(line) \"\(role.prefix(40))\", which is no role; there are \(roles)"
        case .badName(let line, let name):
            "has in line \(line) the name \"\(name.prefix(100))\", which no operator can have"
        case .twice(let line, let value): "names \"\(value.prefix(100))\" again in line \(line)"
        case .twoRoles(let line, let name): "gives \(name) another role in line \(line)"
        }
    }
}
