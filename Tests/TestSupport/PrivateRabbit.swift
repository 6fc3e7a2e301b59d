import DaemonSupport
import Foundation
package import RabbitClient
import Sockets

/// A RabbitMQ of one test, with a node, ports and a folder of its own, and the port mapper of Erlang that belongs to it.
///
/// The broker's script becomes the Erlang machine, so both are children of this process and end with it at the latest. The mapper
/// is started here, because a broker that finds none starts one that outlives it.
package final class PrivateRabbit: @unchecked Sendable {  // Its processes are behind the lock.
    package static let login = RabbitConnection.Login(user: "unit", password: "password of a test")
    /// How long a broker may take to start, in milliseconds: ten times what it takes on a busy machine with two processors.
    private static let startMilliseconds = 120_000

    package let folder: String
    package let port: Int
    /// With TLS, for connections to `localhost`.
    package let securePort: Int
    private let mapperPort: Int
    private let distributionPort: Int
    private let lock = NSLock()
    private var mapper: ChildProcess?
    private var broker: ChildProcess?

    package var address: RabbitAddress { RabbitAddress("amqp://127.0.0.1:\(self.port)")! }

    package var secureAddress: RabbitAddress { RabbitAddress("amqps://localhost:\(self.securePort)")! }

    /// The PEM file of the authority that signed the broker's certificate, which is the certificate itself.
    package var authorities: String { self.folder + "/cert.pem" }

    /// Starts one, without queues.
    package init() throws {
        self.folder = try TemporaryFolder.make()
        let ports = try FreePorts.take(4)
        (self.port, self.securePort, self.mapperPort, self.distributionPort) = (ports[0], ports[1], ports[2], ports[3])
        let request = try ChildProcess(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                self.folder + "/key.pem", "-out", self.authorities,
            ], environment: ["PATH": "/usr/bin:/bin"], log: self.folder + "/openssl.log")
        guard request.wait() == 0 else { throw StartError("openssl made no certificate: \(self.folder)/openssl.log") }
        let settings = """
            listeners.tcp.1 = 127.0.0.1:\(self.port)
            listeners.ssl.1 = 127.0.0.1:\(self.securePort)
            ssl_options.certfile = \(self.authorities)
            ssl_options.keyfile = \(self.folder)/key.pem
            ssl_options.cacertfile = \(self.authorities)
            ssl_options.verify = verify_none
            default_user = \(Self.login.user)
            default_pass = \(Self.login.password)

            """
        for (name, text) in [("rabbitmq.conf", settings), ("plugins", "[].\n")] {
            try text.write(toFile: "\(self.folder)/\(name)", atomically: true, encoding: .utf8)
        }
        try self.start()
    }

    deinit {
        // The broker first: it would start another mapper.
        self.broker?.crash()
        self.mapper?.crash()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Kills the broker, which has the effect of a crash. Its durable queues stay on disk.
    package func kill() { self.lock.withLock { self.broker?.crash() } }

    /// Starts it on the same ports with the same disk, and waits until a client can log in.
    package func start() throws {
        try self.lock.withLock { try self.startProcesses() }
        let end = ContinuousClock.now + .milliseconds(Self.startMilliseconds)
        while ContinuousClock.now < end, self.lock.withLock({ self.broker?.isRunning }) == true {
            if (try? self.connect()) != nil { return }
            usleep(100_000)
        }
        let log = (try? String(contentsOfFile: self.folder + "/broker.log", encoding: .utf8)) ?? ""
        throw StartError("RabbitMQ did not start: \(log.suffix(2_000))")
    }

    private func startProcesses() throws {
        if self.mapper?.isRunning != true {
            self.mapper = try ChildProcess(
                "/usr/bin/epmd", ["-port", "\(self.mapperPort)", "-address", "127.0.0.1"],
                environment: ["PATH": "/usr/bin:/bin"], log: self.folder + "/mapper.log")
        }
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/rabbitmq/lib")) ?? []
        guard let version = versions.filter({ $0.hasPrefix("rabbitmq_server-") }).max() else {
            throw StartError("there is no RabbitMQ in /usr/lib/rabbitmq/lib: run ops/prepare tests")
        }
        self.broker = try ChildProcess(
            "/usr/lib/rabbitmq/lib/\(version)/sbin/rabbitmq-server", ["-noinput"], environment: self.environment,
            log: self.folder + "/broker.log")
    }

    private var environment: [String: String] {
        [
            "PATH": "/usr/bin:/bin", "HOME": self.folder, "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": "\(self.mapperPort)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "test\(self.port)@localhost", "RABBITMQ_DIST_PORT": "\(self.distributionPort)",
            "RABBITMQ_MNESIA_BASE": self.folder + "/mnesia", "RABBITMQ_LOG_BASE": self.folder + "/log",
            "RABBITMQ_LOGS": "-", "RABBITMQ_CONF_ENV_FILE": self.folder + "/none",
            "RABBITMQ_CONFIG_FILE": self.folder + "/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder + "/plugins", "RABBITMQ_PID_FILE": self.folder + "/pid",
            // The script then becomes the Erlang machine, and starts no second process.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        ]
    }

    /// A connection of a receiver.
    package func connect() throws(RabbitError) -> RabbitConnection {
        try RabbitConnection(self.address, login: Self.login, authorities: "", timeoutMilliseconds: 5_000)
    }

    /// Takes everything that is in a queue, the oldest first.
    package func takeAll(from queue: String) throws(RabbitError) -> [RabbitMessage] {
        let connection = try self.connect()
        defer { connection.close() }
        var messages: [RabbitMessage] = []
        while let message = try connection.take(from: queue) { messages.append(message) }
        return messages
    }
}
