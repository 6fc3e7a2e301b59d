import DaemonSupport
import NIOConcurrencyHelpers

// What may happen to a Redis, for tests and demos.

extension RedisFamily {
    private static let wrongPassword = "none"

    package func kill(_ port: Int) { self.processes.withLockedValue { $0.removeValue(forKey: port) }?.crash() }

    /// Stops or resumes a process: SIGSTOP, SIGCONT.
    package func signal(_ port: Int, _ signal: Int32) { self.processes.withLockedValue { $0[port] }?.send(signal) }

    /// The replicas lose their master, and cannot log in to it again: they do not get what is written from now on.
    package func cutReplicas(of master: Int) throws {
        for port in self.nodePorts where port != master {
            try self.ask(port, "CONFIG", "SET", "masterauth", Self.wrongPassword)
        }
        try self.ask(master, "CLIENT", "KILL", "TYPE", "replica")
        try RedisTool.wait(for: "a master without replicas") {
            try self.ask(master, "INFO", "replication").contains { $0.hasPrefix("connected_slaves:0") }
        }
    }

    package func healReplicas() throws {
        let running = self.processes.withLockedValue { Set($0.keys) }
        for port in self.nodePorts where running.contains(port) {
            try self.ask(port, "CONFIG", "SET", "masterauth", self.passwords.node)
        }
    }
}
