import ArgumentParser
import Clusters
import Foundation
import Storage
import Terminal

/// Where the authority log is.
struct AuthorityOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the centers keep their state, if the data folder does not say so: a file, or a connection string.",
            valueName: "location"))
    var authority: String?

    /// - Returns: `nil`: it is the file of the folder.
    func store(_ common: CommonOptions) throws -> (any AuthorityStorage)? {
        let folder = common.folder
        let isLocal = FileManager.default.fileExists(atPath: folder.layoutPath)
        guard let text = try self.authority ?? (isLocal ? folder.load().postgres : nil) else { return nil }
        do {
            switch try AuthorityLocation(text) {
            case .file(let path): return try AuthorityStore(reading: path)
            case .postgres(let target):
                return PostgresAuthority(
                    AuthoritySettings(
                        target: target, allowsUnreplicated: true, permission: "authority.unreplicated"))
            }
        } catch { throw CommandError("\(error)") }
    }
}
