import DaemonSupport
import Foundation
import Sockets
import TestSupport
import Testing

/// The settings that a process needs at its start: all of its secrets, and how connections beyond its machine are
/// encrypted.
@Suite("Starting with Access", .serialized, .timeLimit(.minutes(3))) struct StartTests {
    private struct Program {
        let name: String
        let secrets: [String]
        /// Two-level settings with which it would start.
        let settings: [String: String]

        var environment: [String: String] {
            Dictionary(uniqueKeysWithValues: self.secrets.map { ("TRANCHE_\($0)", Secret.random()) })
        }
    }

    private static func programs() throws -> [Program] {
        let folder = try TemporaryFolder.make()
        let port = "\(try FreePorts.take())"
        return [
            Program(
                name: "tranche-config-center",
                secrets: ["UNITS_KEY", "COORDINATOR_SECRET", "ADMIN_SECRET", "GATE_SECRET"],
                settings: ["center.port": port, "data.folder": folder]),
            Program(
                name: "tranche-coordinator", secrets: ["COORDINATOR_SECRET", "CONTEST_KEY"],
                settings: ["coordinator.port": port, "center.url": "http://127.0.0.1:1"]),
            Program(
                name: "tranche-unit",
                secrets: ["UNIT", "CENTER", "CONTEST", "SHOP", "TOKEN", "PAYMENT"].map { "\($0)_SECRET" },
                settings: [
                    "unit.id": "1", "unit.name": "a", "unit.region": "a", "public.port": port, "data.folder": folder,
                    "internal.port": "\(try FreePorts.take())", "redis.address": "/nowhere/r.sock",
                    "center.url": "http://127.0.0.1:1",
                ]),
            Program(
                name: "tranche-gate", secrets: ["GATE_KEY", "GATE_SECRET", "TOKEN_SECRET", "PAYMENT_SECRET"],
                settings: [
                    "gate.name": "a", "gate.region": "a", "public.port": port, "redis.address": "/nowhere/r.sock",
                    "internal.port": "\(try FreePorts.take())", "center.url": "http://127.0.0.1:1",
                    "identity.dev": "true",
                ]),
        ]
    }

    /// The output of a program that does not start. Settings come as environment variables.
    private func refusal(_ program: Program, _ settings: [String: String], _ secrets: [String: String]) throws -> String
    {
        let file = try TemporaryFolder.make() + "/empty.yaml"
        try Data("nothing:\n  here: 1\n".utf8).write(to: URL(fileURLWithPath: file))
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
        for (key, value) in program.settings.merging(settings, uniquingKeysWith: { $1 }) {
            environment[key.replacing(".", with: "_").uppercased()] = value
        }
        let result = try TestCluster.run(program.name, ["--config", file], environment.merging(secrets) { $1 })
        #expect(result.status == 1, "\(program.name) should not start: \(result.output)")
        return result.output
    }

    @Test("no process starts without one of its secrets, or with one that is too short")
    func startNeedsEverySecret() throws {
        for program in try Self.programs() {
            for name in program.secrets.map({ "TRANCHE_\($0)" }) {
                let good = program.environment
                let missing = try self.refusal(program, [:], good.filter { $0.key != name })
                #expect(missing.contains("\(name) is missing"), "\(missing)")
                for bad in ["short", "\(Secret.random()),short", "\(Secret.random()),"] {
                    let said = try self.refusal(program, [:], good.merging([name: bad]) { $1 })
                    #expect(said.contains(name) && said.contains("needs at least 32"), "\(said)")
                    #expect(!said.contains(bad), "a refusal does not repeat the secret")
                }
                let many = Array(repeating: Secret.random(), count: 9).joined(separator: ",")
                let said = try self.refusal(program, [:], good.merging([name: many]) { $1 })
                #expect(said.contains("lists 9 secrets, at most 8"), "\(said)")
            }
        }
    }

    @Test("no process starts whose secrets would leave its machine in the clear")
    func startRefusesSecretsInTheClear() throws {
        let programs = try Self.programs()
        let cases: [(program: Int, key: String, value: String)] = [
            (0, "center.host", "0.0.0.0"), (0, "center.host", "::"), (1, "coordinator.host", "0.0.0.0"),
            (1, "center.url", "http://10.0.0.1:80"), (1, "coordinator.url", "http://coordinator.example:80"),
            (2, "internal.host", "192.168.0.1"), (2, "internal.url", "http://unit.example:80"),
            (2, "center.url", "http://center.example"), (2, "redis.address", "10.0.0.1:6379"),
            // Looks like this machine, and is not: curl takes what stands before the @ for a name and a password.
            (1, "center.url", "http://127.0.0.1:80@center.example/"), (1, "center.url", "http://localhost.example:80"),
            (1, "center.url", "http://127.0.0.1.example:80"), (2, "center.url", "ftp://127.0.0.1:80"),
            // Without a certificate nothing here speaks TLS.
            (2, "center.url", "https://127.0.0.1:80"),
            (3, "internal.host", "192.168.0.1"), (3, "center.url", "http://center.example"),
            (3, "redis.address", "10.0.0.1:6379"),
        ]
        for one in cases {
            let program = programs[one.program]
            let said = try self.refusal(program, [one.key: one.value], program.environment)
            let reasons = ["leaves this machine in the clear", "must begin with http://", "only a host and a port"]
            #expect(said.contains("\(one.key) is \""), "\(one.key) \(one.value): \(said)")
            #expect(reasons.contains { said.contains($0) }, "\(one.key) \(one.value): \(said)")
        }
    }

    @Test("a list of centers, and the store that centers share, are checked at the start")
    func startChecksCentersAndTheirStore() throws {
        let programs = try Self.programs()
        let nine = (1...9).map { "http://127.0.0.1:\($0)" }.joined(separator: ",")
        let cases: [(program: Int, key: String, value: String, reason: String)] = [
            (1, "center.url", "http://127.0.0.1:1,", "address 2 of the list is empty"),
            (2, "center.url", "http://127.0.0.1:1,http://127.0.0.1:1/", "lists http://127.0.0.1:1 twice"),
            (3, "center.url", nine, "lists 9 addresses, but at most 8"),
            (2, "center.url", "http://127.0.0.1:1,http://10.0.0.1:2", "leaves this machine in the clear"),
            (0, "authority.postgres", "nonsense", "no connection string"),
            (0, "authority.postgres", "host=/tmp dbname=d password=hunter2", "contains a password"),
            (0, "authority.postgres", "host=/tmp,10.0.0.1 dbname=d sslmode=require", "names 10.0.0.1"),
        ]
        for one in cases {
            let said = try self.refusal(programs[one.program], [one.key: one.value], programs[one.program].environment)
            #expect(said.contains(one.key) && said.contains(one.reason), "\(one.key) \(one.value): \(said)")
            #expect(!said.contains("hunter2"))
        }
    }

    @Test("a gate where a name is enough to sign in does not start outside loopback") func devIdentityStaysHome() throws
    {
        let program = try Self.programs()[3]
        let said = try self.refusal(program, ["public.host": "0.0.0.0"], program.environment)
        #expect(said.contains("identity.dev") && said.contains("0.0.0.0"), "\(said)")
        let shop = try self.refusal(program, ["identity.dev": "false"], program.environment)
        #expect(shop.contains("identity.keys is missing"), "\(shop)")
        let keys = [
            "identity.dev": "false", "identity.keys": "http://shop.example/keys", "identity.issuer": "shop",
            "identity.audience": "gate",
        ]
        let clear = try self.refusal(program, keys, program.environment)
        #expect(clear.contains("identity.keys is \"http://shop.example/keys\""), "\(clear)")
    }

    @Test("an internal listener may be reached from everywhere if another layer encrypts the connections")
    func elsewhereEncryptionAllowsOpenListener() async throws {
        let center = try LoneDaemon(
            "tranche-config-center", section: "center", settings: "  host: \"0.0.0.0\"\ntls:\n  elsewhere: true\n")
        defer { center.stop() }
        try await center.start([:])
        #expect(try await center.status("GET", "/healthz", nil) == 200)
    }

    @Test("a process with half of its TLS settings, or with files that do not exist, does not start")
    func startRefusesHalfTLS() throws {
        let program = try Self.programs()[0]
        let half = try self.refusal(program, ["tls.certificate": "/x.pem"], program.environment)
        #expect(half.contains("tls.key is missing"), "\(half)")
        let files = ["tls.certificate", "tls.key", "tls.authority"]
        let absent = Dictionary(uniqueKeysWithValues: files.map { ($0, "/nowhere/x.pem") })
        let said = try self.refusal(program, absent, program.environment)
        #expect(said.contains("/nowhere/x.pem cannot be used"), "\(said)")
        let flag = try self.refusal(program, ["tls.elsewhere": "maybe"], program.environment)
        #expect(flag.contains("tls.elsewhere"), "\(flag)")
    }
}
