import Foundation

/// The project's own sources, for rules that the compiler does not know.
enum Sources {
    static func files(below folder: String) throws -> [(path: String, text: String)] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let base = root.appendingPathComponent(folder)
        let names = try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { $0.hasSuffix(".swift") }
            .sorted()
        guard !names.isEmpty else { throw CocoaError(.fileNoSuchFile) }
        return try names.map {
            ("\(folder)/\($0)", try String(contentsOf: base.appendingPathComponent($0), encoding: .utf8))
        }
    }
}
