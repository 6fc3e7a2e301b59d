import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL
package import TrancheAPI
package import TrancheCore

/// The certificate of the other end of one connection.
///
/// The task that serves the connection has it as a task-local value: Hummingbird makes the context of a request from the
/// channel alone, and the handshake is over before there is a request.
package final class PeerCertificate: Sendable {
    private struct Seen {
        let name: Result<ProcessName, ProcessNameError>
        let notAfter: Int64
    }
    /// Older connections are ended, after an answer. The own clients make a new one after ``ClientTLS/connectionSeconds``.
    static let oldAfterMilliseconds: Int64 = 300_000
    /// Older connections are refused: who keeps one open must not outlive a change of the authority.
    static let refusedAfterMilliseconds: Int64 = 360_000

    private let began = SystemClock.monotonic()
    private let seen = NIOLockedValueBox<Seen?>(nil)
    /// Only processes of the own domain are callers.
    private let domain: String

    /// `nil` on a connection without TLS.
    @TaskLocal package static var current: PeerCertificate?

    package init(domain: String) { self.domain = domain }

    /// Whether the connection ends with the present answer.
    package func isOld(at now: Instant = SystemClock.monotonic()) -> Bool {
        now.milliseconds(since: self.began) > Self.oldAfterMilliseconds
    }

    /// Called when the handshake is over. BoringSSL has checked the certificate.
    func hear(_ certificate: NIOSSLCertificate?) {
        guard let certificate else { return }
        self.hear(uriNames: certificate.uriNames, notAfter: Int64(certificate.notValidAfter))
    }

    package func hear(uriNames: [String], notAfter: Int64) {
        let name: Result<ProcessName, ProcessNameError>
        do throws(ProcessNameError) { name = .success(try ProcessName(uriNames: uriNames)) } catch {
            name = .failure(error)
        }
        self.seen.withLockedValue { $0 = Seen(name: name, notAfter: notAfter) }
    }

    /// The caller.
    ///
    /// - Parameters:
    ///   - now: Seconds since 1970. The handshake has checked the validity, but a connection may outlive it.
    ///   - steady: By the clock that never steps.
    /// - Throws: ``Problem`` with code `bad_certificate` or `certificate_expired`.
    package func name(
        now: Int64 = Int64(time(nil)), steady: Instant = SystemClock.monotonic()
    ) throws(Problem) -> ProcessName {
        guard let seen = self.seen.withLockedValue({ $0 }) else {
            throw Problem(
                status: 403, code: "bad_certificate", detail: "the connection has no certificate of its caller")
        }
        guard seen.notAfter > now else {
            throw Problem(
                status: 403, code: "certificate_expired",
                detail: "the certificate of this connection expired \(now - seen.notAfter) s ago: connect again")
        }
        guard steady.milliseconds(since: self.began) <= Self.refusedAfterMilliseconds else {
            throw Problem(
                status: 403, code: "certificate_expired",
                detail: "this connection is older than \(Self.refusedAfterMilliseconds / 1_000) s: connect again")
        }
        switch seen.name {
        case .failure(let error): throw Problem(status: 403, code: "bad_certificate", detail: "\(error)")
        case .success(let name):
            guard name.domain == self.domain else {
                throw Problem(
                    status: 403, code: "bad_certificate", detail: "\(name) is not of the domain \(self.domain)")
            }
            return name
        }
    }
}

/// Reads the caller's certificate when the first bytes arrive: the handshake is over then.
final class PeerReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let peer: PeerCertificate
    private var isRead = false

    init(_ peer: PeerCertificate) { self.peer = peer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !self.isRead {
            self.isRead = true
            self.peer.hear(try? context.pipeline.syncOperations.nioSSL_peerCertificate())
        }
        context.fireChannelRead(data)
    }
}

extension RouteRefusal {
    package var problem: Problem {
        switch self {
        case .wrongRole: Problem(status: 403, code: "wrong_role", detail: self.description)
        case .otherUnit, .otherNumber, .noUnit: Problem(status: 403, code: "wrong_name", detail: self.description)
        case .notKnownYet: Problem(status: 503, code: "name_unknown", detail: self.description, retryAfter: 1)
        }
    }
}
