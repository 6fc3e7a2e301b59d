import DaemonSupport
import Foundation
import Testing

@Suite("Private folders") struct PrivateFolderTests {
    @Test("each is a new one that only its owner can enter") func mode() throws {
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
