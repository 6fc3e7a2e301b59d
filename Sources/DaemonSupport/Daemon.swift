import Foundation
package import Logging
package import ServiceLifecycle
import TrancheCore
import UnixSignals

/// Starts and stops a process.
package enum Daemon {
    /// Prepares a process: only its own user can read the files that it creates from now on.
    package static func logger(_ name: String) -> Logger {
        umask(0o077)
        Limits.checkRelations()
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel =
                ProcessInfo.processInfo.environment["LOG_LEVEL"].flatMap { Logger.Level(rawValue: $0.lowercased()) }
                ?? .info
            return handler
        }
        return Logger(label: name)
    }

    /// Runs the services until SIGTERM or SIGINT; the last one is stopped first.
    package static func run(_ services: [any Service], logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            }, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        try await ServiceGroup(configuration: configuration).run()
    }

    /// Prints the error on standard error, and ends the process.
    package static func fail(_ error: any Error) -> Never {
        FileHandle.standardError.write(Data("error: \(self.reason(error))\n".utf8))
        exit(1)
    }

    private static func reason(_ error: any Error) -> String {
        let text = "\(error)"
        // EADDRINUSE is the only system error that operators see often, so it gets advice.
        return text.contains("errno: 98")
            ? "\(text): the port is in use; choose another one, or stop the process that has it" : text
    }
}
