import CPostgres

/// The servers and the database to connect to, by a connection string of libpq.
///
/// `host=a,b port=5432,5432 dbname=tranche user=unit` or `postgresql://unit@a:5432,b:5432/tranche`. With several
/// hosts, the first one that accepts writes is used. The description names hosts and database, and never a password.
package struct PostgresTarget: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether the string itself contains a password: a setting or an argument is no place for one.
    package let hasPassword: Bool
    /// The hosts, or the folders of their sockets; empty for libpq's default.
    package let hosts: [String]
    /// The `sslmode` that the string asks for.
    package let encryption: String?
    /// The string itself.
    package let text: String
    let password: String?

    /// - Parameters:
    ///   - text: See libpq, "Connection Strings".
    ///   - password: In place of the one in the string; `nil`: that one, or libpq's own sources (`PGPASSFILE`).
    /// - Throws: ``PostgresError/unreadable(_:)``, without the string: it may contain a password.
    package init(_ text: String, password: String? = nil) throws(PostgresError) {
        // A password in words without quotes would be a part of libpq's own message.
        guard Self.isOne(text), let options = PQconninfoParse(text, nil) else {
            throw .unreadable(
                "this is no connection string of libpq: use KEY=VALUE pairs (host=a,b dbname=d user=u) "
                    + "or postgresql://u@a,b/d"
            )
        }
        defer { PQconninfoFree(options) }
        guard !text.contains("service=") else {
            throw .unreadable("a service of libpq hides the hosts that it leads to: name them")
        }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        (self.text, self.password, self.hasPassword) = (text, password, Self.secrets.contains { values[$0] != nil })
        (self.hosts, self.encryption) = (Self.hosts(values), values["sslmode"])
        self.description = Self.name(values)
    }

    /// Whether a text has the form of a connection string, in contrast to the path of a file.
    package static func isOne(_ text: String) -> Bool {
        if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") { return true }
        guard let sign = text.firstIndex(of: "=") else { return false }
        return text[..<sign].allSatisfy { ("a"..."z").contains($0) || $0 == "_" || $0 == " " }
    }

    private static func list(_ key: String, _ values: [String: String]) -> [String] {
        values[key].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
    }

    /// What a text must not contain: it is in files and lists of processes.
    private static let secrets = ["password", "sslpassword"]

    /// libpq connects to `hostaddr`, if there is one, whatever `host` says.
    private static func hosts(_ values: [String: String]) -> [String] {
        let addresses = self.list("hostaddr", values)
        return addresses.isEmpty ? self.list("host", values) : addresses
    }

    private static func name(_ values: [String: String]) -> String {
        let ports = Self.list("port", values)
        let places = self.hosts(values).enumerated().map { index, host in
            let port = ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : ""
            return port.isEmpty ? host : "\(host):\(port)"
        }
        let place = places.isEmpty ? "this machine" : places.joined(separator: ",")
        return values["dbname"].map { "\(place)/\($0)" } ?? place
    }
}
