import Clusters
import Terminal
import TrancheAPI
import TrancheCore

/// The console of a demo's center, and an operator who is gone with the demo's folder.
struct DemoConsole {
    static let name = "demo"
    let address: String
    let credential: String

    /// Makes the operator. The cluster must not have started: a center reads its list then, and again when it changes.
    init(_ folder: ClusterFolder, _ layout: ClusterLayout) throws {
        var generator = SystemRandomNumberGenerator()
        self.credential = OperatorCredential.random(using: &generator)
        self.address = layout.centers.all[0] + "/console"
        let entry = OperatorList.Entry(
            name: Self.name, role: .admin, digest: OperatorCredential.digest(of: self.credential.utf8))
        try folder.write(OperatorList([entry]).text, to: folder.operators)
    }

    /// What a person needs to sign in.
    var lines: [String] {
        [
            Output.bold("The console") + " shows the sale while it runs, and after it until Ctrl-C:",
            "  address     \(self.address)", "  credential  \(self.credential)", "  name        \(Self.name)",
        ]
    }
}

extension DemoCommand {
    /// Tells where the console is; `nil` without `--watch`.
    func console(_ folder: ClusterFolder, _ layout: ClusterLayout) throws -> DemoConsole? {
        guard self.isWatched else { return nil }
        let console = try DemoConsole(folder, layout)
        for line in console.lines { self.say(line) }
        return console
    }
}
