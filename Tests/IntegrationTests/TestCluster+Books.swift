import Foundation
import Testing
import TrancheAPI

/// The figures of an export, as its command prints them.
struct TestBooks: Decodable {
    struct Lot: Decodable { let paid: Int, held: Int, unsold: Int, carried: Int, refundsDue: Int }
    let folder: String
    let isFinal: Bool
    let publicKey: String
    let lots: [Lot]
}

extension TestCluster {
    /// Writes the export of the settled sale, and checks it.
    func exportBooks() async throws -> TestBooks {
        let (key, folder) = ("\(self.folder)/export.key", "\(self.folder)/books")
        let made = try Self.run("tranche", ["credential", "new"])
        try Data(made.output.utf8).write(to: URL(fileURLWithPath: key))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        var said = ""
        // Units may still return quota while the files are read.
        try await self.wait(for: "the export") {
            let run = try self.run(["sale", "export", "test", "--to", folder, "--signing-key", key, "--json"])
            said = run.output
            return run.status == 0
        }
        let start = try #require(said.firstIndex(of: "{"))
        let books = try JSON.decode(TestBooks.self, from: said[start...].utf8)
        let check = try self.run(["sale", "export", "test", "--check", folder, "--public-key", books.publicKey])
        #expect(check.status == 0, "\(check.output)")
        return books
    }
}
