import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// The operators of this moment. Their file is read again when it changes, as files of secrets are, and a file that cannot
/// be used takes the place of none that can.
final class OperatorRegister: Sendable {
    private let file: LiveFile<OperatorList>?

    /// - Parameter path: Empty: only admins by their secret, and every operator's certificate. A file that is missing, or
    ///   cannot be found, is an empty list: the loss of a list must not make everybody an admin.
    /// - Throws: ``StartError`` if there is a file that cannot be used.
    init(path: String) throws(StartError) {
        self.file = path.isEmpty ? nil : try LiveFile(path: path, bytes: OperatorList.textBytes, parse: Self.parse)
    }

    @Sendable private static func parse(_ text: String) -> Result<OperatorList, StartError> {
        do throws(OperatorListError) { return .success(try OperatorList(text: text)) } catch {
            return .failure(StartError("the list of operators \(error)"))
        }
    }

    /// `nil` if no list is configured, or as long as there has never been one.
    private var list: OperatorList? { self.file?.current }

    func operators(showing credential: some Sequence<UInt8>) -> Operator? {
        self.list?.entry(digest: OperatorCredential.digest(of: credential))?.caller
    }

    /// Who a certificate's owner is. Without a configured list each of them may do everything; with one, only those that it
    /// names may do anything.
    func owner(ofCertificate name: String) throws(Problem) -> Operator {
        guard self.file != nil else { return Operator(name: name, role: .admin) }
        guard let entry = self.list?.entry(named: name) else {
            throw Problem(
                status: 403, code: "unknown_operator",
                detail: "the certificate's name \"\(name)\" is not in the list of operators: tranche operator add")
        }
        return entry.caller
    }

    /// Whoever has this name now. Without a configured list every certificate is an admin's.
    func entry(named name: String) -> Operator? {
        if name == OperatorList.reserved { return .admin }
        guard self.file != nil else { return Operator(name: name, role: .admin) }
        return self.list?.entry(named: name)?.caller
    }

    /// Whether somebody has this name.
    func knows(_ name: String) -> Bool { name == OperatorList.reserved || self.list?.entry(named: name) != nil }

    func watch(_ telemetry: Telemetry, _ logger: Logger) -> OperatorWatch {
        OperatorWatch(file: self.file, telemetry: telemetry, logger: logger)
    }
}

/// Reads the list of operators again when its file changes.
struct OperatorWatch: Service {
    static let everyMilliseconds = 250

    let file: LiveFile<OperatorList>?
    let telemetry: Telemetry
    let logger: Logger

    func run() async throws {
        if let file, file.current == nil {
            self.logger.warning("there is no list of operators yet: certificates of operators open nothing")
        }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if let file { self.look(file) }
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }

    private func look(_ file: LiveFile<OperatorList>) {
        switch file.look() {
        case .unchanged: break
        case .replaced(let list):
            self.telemetry.count("tranche_operators_reloads_total", "New lists of operators that were taken into use.")
            self.logger.info("new list of operators", metadata: ["operators": "\(list.entries.count)"])
        case .refused(let reason):
            self.logger.warning(
                "the new list of operators is not used; the old one stays", metadata: ["reason": "\(reason)"])
        }
        self.telemetry.set(
            "tranche_operators_refused", "1 while the list of operators on disk cannot be used, and an older one is.",
            to: file.refusal == nil ? 0 : 1)
    }
}

extension Operator {
    /// Whoever makes the request that this task answers.
    @TaskLocal static var current: Operator?
}
