import DaemonSupport
import Foundation
import Testing

@Suite("Private folders") struct PrivateFolderTests {
    @Test("each folder is new, and only its owner can enter it") func foldersAreNewAndPrivate() throws {
        let folders = try (0..<2).map { _ in try PrivateFolder.make("tranche-test") }
        defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }
        #expect(folders[0] != folders[1])
        for folder in folders {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder)
            #expect(attributes[.type] as? FileAttributeType == .typeDirectory)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
    }
}
