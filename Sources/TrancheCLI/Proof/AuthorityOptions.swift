import Clusters
import Foundation
import PostgresClient
import Storage
import Terminal

extension CommonOptions {
    /// The authority log of centers that share a PostgreSQL; `nil`: it is a file of the folder.
    func authority() throws -> PostgresAuthority? {
        let folder = self.folder
        guard FileManager.default.fileExists(atPath: folder.layoutPath), let text = try folder.load().postgres else {
            return nil
        }
        do {
            let password = ProcessInfo.processInfo.environment["TRANCHE_AUTHORITY_PASSWORD"]
            return PostgresAuthority(
                AuthoritySettings(
                    target: try PostgresTarget(text, password: password), allowsUnreplicated: true,
                    permission: "authority.unreplicated"))
        } catch { throw CommandError("\(error)") }
    }
}
