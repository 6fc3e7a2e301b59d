import Testing

/// Rules about temporary files that the compiler does not know.
@Suite("Temporary paths") struct TemporaryPathTests {
    /// The one file that knows where temporary folders are, and makes them under names that cannot be predicted.
    private static let maker = "Sources/DaemonSupport/PrivateFolder.swift"
    /// It looks for what a process has written, and makes nothing.
    private static let reader = "Tests/IntegrationTests/Operators/CrashTests.swift"

    @Test(
        "no source names a path in the temporary folder, or the folder: another user could have put a link there",
        arguments: ["Sources", "Units", "ConfigCenter", "Tests", "ops/bench/micro"])
    func temporaryPathsHaveOneMaker(folder: String) throws {
        // In two pieces: or this file would be found.
        let words = ["\"/" + "tmp", "NSTemporary" + "Directory", "temporary" + "Directory", "tmp" + "nam"]
        for (path, text) in try Sources.files(below: folder) where path != Self.maker && path != Self.reader {
            for word in words where text.contains(word) { Issue.record("\(path) has \(word): use PrivateFolder") }
        }
    }

    @Test("the rule finds a violation: the file that is its one exception") func ruleFindsItsOneException() throws {
        let maker = try Sources.files(below: "Sources/DaemonSupport").first { $0.path == Self.maker }
        #expect(maker?.text.contains("NSTemporary" + "Directory") == true)
        #expect(maker?.text.contains("mkdtemp") == true)
    }
}
