/// The name of a process in its certificate: `spiffe://shop.example/unit/eu-west-1` (SPIFFE-ID, sections 2.1 and 2.2,
/// narrowed to two segments of which the first one is a role).
///
/// There is one way to write a name, so two names are the same if their texts are: no capitals in the domain, no port, no
/// escapes, no empty or dotted segments.
package struct ProcessName: Hashable, Sendable, CustomStringConvertible {
    package enum Role: String, Hashable, Sendable, CaseIterable {
        case unit, center, coordinator, gate
        /// People, and the programs that act for them.
        case `operator`
        /// The shop's own servers: they mint tokens and read refunds.
        case shop
        /// Programs that read health and figures, and nothing else.
        case monitor

        /// Whether other processes call it, so that its certificate needs a host.
        package var isServer: Bool {
            switch self {
            case .unit, .center, .coordinator, .gate: true
            case .operator, .shop, .monitor: false
            }
        }
    }

    package static let scheme = "spiffe://"
    /// As for a DNS name.
    package static let domainBytes = 1...253
    package static let nameBytes = 1...64

    package let domain: String
    package let role: Role
    package let name: String

    package init(domain: String, role: Role, name: String) throws(ProcessNameError) {
        guard Self.isDomain(domain) else { throw .badDomain(domain) }
        guard Self.isName(name) else { throw .badName(name) }
        (self.domain, self.role, self.name) = (domain, role, name)
    }

    /// Reads one URI name.
    package init(uri: String) throws(ProcessNameError) {
        guard uri.utf8.count <= Limits.urlBytes, uri.hasPrefix(Self.scheme) else { throw .noSPIFFE(uri) }
        let parts = uri.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .badPath(uri) }
        guard let role = Role(rawValue: String(parts[1])) else { throw .unknownRole(String(parts[1])) }
        try self.init(domain: String(parts[0]), role: role, name: String(parts[2]))
    }

    /// Reads the URI names of a certificate, of which there must be exactly one: with two, each reader could believe
    /// another one.
    package init(uriNames: [String]) throws(ProcessNameError) {
        guard let first = uriNames.first else { throw .noURIName }
        guard uriNames.count == 1 else { throw .severalURINames(uriNames.count) }
        try self.init(uri: first)
    }

    package var description: String { "\(Self.scheme)\(self.domain)/\(self.role.rawValue)/\(self.name)" }

    /// Whether a text is a trust domain: lower-case letters, digits, dots, dashes and underscores.
    package static func isDomain(_ text: String) -> Bool {
        self.domainBytes.contains(text.utf8.count)
            && text.utf8.allSatisfy { isLower($0) || isDigit($0) || isMark($0) }
    }

    /// Whether a text is the last segment of a name.
    package static func isName(_ text: String) -> Bool {
        self.nameBytes.contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { isLower($0 | 0x20) || isDigit($0) || isMark($0) }
    }
}

private func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
private func isMark(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
}

/// Why the names of a certificate are not the name of a process. Each case carries the bad value.
package enum ProcessNameError: Error, Hashable, Sendable, CustomStringConvertible {
    case noURIName
    case severalURINames(Int)
    case noSPIFFE(String)
    case badPath(String)
    case unknownRole(String)
    case badDomain(String)
    case badName(String)

    package var description: String {
        let roles = ProcessName.Role.allCases.map(\.rawValue).joined(separator: ", ")
        return switch self {
        case .noURIName: "the certificate has no URI name, but needs exactly one: spiffe://DOMAIN/ROLE/NAME"
        case .severalURINames(let count): "the certificate has \(count) URI names, but needs exactly one"
        case .noSPIFFE(let uri): "the URI name \"\(uri.prefix(100))\" does not begin with \(ProcessName.scheme)"
        case .badPath(let uri): "the URI name \"\(uri.prefix(100))\" is not spiffe://DOMAIN/ROLE/NAME"
        case .unknownRole(let role): "\"\(role.prefix(100))\" is not a role; there are \(roles)"
        case .badDomain(let domain):
            "\"\(domain.prefix(100))\" is not a domain of \(bounds(ProcessName.domainBytes)) lower-case letters, "
                + "digits, dots, dashes and underscores"
        case .badName(let name):
            "\"\(name.prefix(100))\" is not a name of \(bounds(ProcessName.nameBytes)) letters, digits, dots, dashes "
                + "and underscores"
        }
    }
}

private func bounds(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }
