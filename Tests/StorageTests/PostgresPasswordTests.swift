import Foundation
import PostgresClient
import TestSupport
import Testing

/// The password of a role of PostgreSQL, which is replaced while a process is connected.
@Suite struct PostgresPasswordTests {
    private func write(_ text: String, to path: String) throws {
        // In place: the file keeps its owner.
        let file = try #require(FileHandle(forWritingAtPath: path))
        defer { try? file.close() }
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
    }

    @Test("an open connection lives on, and the next one reads the file of passwords again")
    func passwordIsReplaced() throws {
        let server = try PrivatePostgres()
        try server.run("CREATE ROLE unit LOGIN PASSWORD 'the old one'")
        try self.write(
            "local all tranche trust\nlocal all all scram-sha-256\n", to: server.folder + "/data/pg_hba.conf")
        try server.run("SELECT pg_reload_conf()")
        let file = try TemporaryFolder.make() + "/passwords"
        let made = FileManager.default.createFile(
            atPath: file, contents: Data(), attributes: [.posixPermissions: 0o600])
        try #require(made)
        // As the variable PGPASSFILE does, for this connection alone.
        let text = server.target.replacing("user=tranche", with: "user=unit") + " passfile=\(file)"
        func connect() throws -> PostgresConnection {
            try PostgresConnection(try PostgresTarget(text), application: "test")
        }
        for _ in 0..<500 where (try? connect()) != nil { usleep(10_000) }
        #expect(throws: PostgresError.self, "a password is asked for") { try connect() }

        try self.write("*:*:*:unit:the old one\n", to: file)
        let open = try connect()
        try server.run("ALTER ROLE unit PASSWORD 'the new one'")
        #expect(try open.run(PostgresStatement("SELECT 'alive'")).text(0, 0) == "alive")
        #expect(throws: PostgresError.self) { try connect() }
        try self.write("*:*:*:unit:the new one\n", to: file)
        #expect(try connect().run(PostgresStatement("SELECT 'new'")).text(0, 0) == "new")
        #expect(try open.run(PostgresStatement("SELECT 'alive'")).text(0, 0) == "alive")
    }
}
