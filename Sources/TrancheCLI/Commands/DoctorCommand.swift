import ArgumentParser
import DaemonSupport
import Doctor
import Terminal
import TrancheCore

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examine a machine for one process: clock, disk, ports, Redis, secrets, certificate, center.",
        discussion: """
            Run it as the user of the process, with its environment: systemd-run --uid=tranche -p
            EnvironmentFile=/etc/tranche/unit-us-east.env -p StateDirectory=tranche/us-east -p StateDirectoryMode=0700 --pipe
            tranche doctor --config /etc/tranche/unit-us-east.yaml
            The process may be running. Exit code 2 if something is bad.
            """)

    @Option(help: "The YAML file of the process.") var config: String
    @Option(help: "unit, gate, center or coordinator; found by the file's keys if not given.") var role: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let values: DaemonConfiguration
        do throws(StartError) { values = try await DaemonConfiguration(path: self.config) } catch {
            throw CommandError(error.description)
        }
        guard let role = self.role.map({ Examination.Role(rawValue: $0) }) ?? Examination.Role(of: values) else {
            let roles = Examination.Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError(
                self.role.map { "--role \"\($0)\" is not one of \(roles)" }
                    ?? "\(self.config) has no key of a process: give --role, one of \(roles)")
        }
        let findings = await Examination(values, role: role).readings().map(Finding.judge)
        let isFit = !findings.contains { $0.level == .bad }
        if self.json {
            Output.json(Report(role: role.rawValue, isFit: isFit, findings: findings))
        } else {
            for finding in findings { self.print(finding) }
            Output.line(
                isFit ? Output.green("fit for a \(role.rawValue)") : Output.red("not fit for a \(role.rawValue)"))
        }
        if !isFit { throw ExitCode(2) }
    }

    private struct Report: Encodable {
        let role: String
        let isFit: Bool
        let findings: [Finding]
    }

    private func print(_ finding: Finding) {
        let word =
            switch finding.level {
            case .fine: Output.green("fine    ")
            case .doubtful: Output.bold("doubtful")
            case .bad: Output.red("bad     ")
            }
        Output.line("\(word)  \(finding.about): \(finding.what)")
        if let advice = finding.advice { Output.line("          → \(advice)") }
    }
}
