import Clusters
import Foundation
import Terminal
import TrancheCore

/// The certificates of a local cluster: one for each process, and those of its operator and its shop.
struct ClusterCertificates {
    static let lifetimeHours = 24
    /// A certificate is replaced when a quarter of its life is over.
    static let everySeconds = 6 * 3_600

    let authority: CertificateAuthority
    let layout: ClusterLayout

    /// - Parameter layout: Of a cluster with TLS.
    init(authority: String, layout: ClusterLayout) throws {
        self.authority = try CertificateAuthority(folder: authority)
        self.layout = layout
    }

    func issue() throws {
        guard let base = self.layout.tls else { return }
        let lifetime = TimeInterval(Self.lifetimeHours * 3_600)
        for holder in self.layout.certificateHolders {
            let name: ProcessName
            do throws(ProcessNameError) {
                name = try ProcessName(domain: self.authority.domain, role: holder.role, name: holder.name)
            } catch { throw CommandError("\(error)") }
            try self.authority.issue(
                name, hosts: holder.role.isServer ? [try CertificateHost("127.0.0.1")] : [], lifetime: lifetime,
                to: ClusterLayout.certificateFolder(base, holder.role, holder.name), force: true)
        }
    }

    /// Replaces the certificates again and again.
    func keepFresh() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(Self.everySeconds))
            if Task.isCancelled { return }
            do { try self.issue() } catch { Output.line("no new certificates: \(error)") }
        }
    }
}
