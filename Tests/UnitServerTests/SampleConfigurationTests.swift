import DaemonSupport
import Foundation
import TestSupport
import Testing
import UnitServer

@Suite("Configuration files", .serialized) struct SampleConfigurationTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Units/Regions")

    init() {
        for name in [
            "TRANCHE_UNIT_SECRET", "TRANCHE_CENTER_SECRET", "TRANCHE_CONTEST_SECRET", "TRANCHE_SHOP_SECRET",
            "TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET",
        ] { setenv(name, String(repeating: "s", count: 32), 1) }
    }

    @Test("the samples are valid", arguments: ["us-east", "eu-west", "ap-south"])
    func samplesAreValid(name: String) async throws {
        let path = Self.folder.appendingPathComponent("\(name).yaml").path
        let configuration = try UnitConfiguration(try await DaemonConfiguration(path: path))
        #expect(configuration.name == name)
        #expect(configuration.publicPort == 7_410)
        #expect(configuration.internalURL.hasSuffix(":7420"))
        #expect(configuration.transport.isElsewhere)
    }

    @Test(
        "a bad value is named, with its limit",
        arguments: [
            ("id: 1 ", "id: 70000 ", "unit.id is \"70000\", but must be a number in 1...65535"),
            ("port: 7410", "port: x", "public.port is \"x\""),
            ("/run/tranche/redis.sock", "nowhere", "redis.address is \"nowhere\""),
            ("name: \"us-east\"", "name: \"\"", "unit.name is missing"),
            ("elsewhere: true", "elsewhere: false", "which leaves this machine in the clear"),
            ("elsewhere: true", "elsewhere: maybe", "tls.elsewhere is \"maybe\", but must be true or false"),
            ("elsewhere: true", "certificate: \"/c.pem\"", "tls.key is missing"),
            (
                "\nclock:", "\nledger:\n  postgres: \"host=db password=x\"\nclock:",
                "ledger.postgres contains a password"
            ),
            (
                "\nclock:", "\nledger:\n  postgres: \"database\"\nclock:",
                "ledger.postgres: this is no connection string"
            ),
        ])
    func badValueIsNamedWithLimit(good: String, bad: String, reason: String) async throws {
        let text = try String(contentsOf: Self.folder.appendingPathComponent("us-east.yaml"), encoding: .utf8)
        #expect(text.contains(good))
        let path = try TemporaryFolder.make() + "/unit.yaml"
        try text.replacing(good, with: bad).write(toFile: path, atomically: true, encoding: .utf8)
        let values = try await DaemonConfiguration(path: path)
        let error = #expect(throws: StartError.self) { _ = try UnitConfiguration(values) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
}
