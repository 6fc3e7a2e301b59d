import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Testing
import TrancheAPI
import TrancheCore

@Suite("The certificate of a process", .serialized) final class CertificateFilesTests {
    private let folder: String
    private var files: TransportConfiguration.Files {
        TransportConfiguration.Files(
            certificate: self.folder + "/cert.pem", key: self.folder + "/key.pem", authority: self.folder + "/ca.pem")
    }

    init() throws {
        self.folder = try PrivateFolder.make("tranche-certificates")
        try self.makeAuthority(self.folder)
        try self.issue("unit/a", to: self.folder)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.folder) }

    private func shell(_ line: String) throws {
        let process = try ChildProcess(
            "/bin/sh", ["-c", line], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nowhere"],
            log: self.folder + "/log")
        let log = (try? String(contentsOfFile: self.folder + "/log", encoding: .utf8)) ?? ""
        try #require(process.wait() == 0, "\(line): \(log)")
    }

    private static let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

    private func makeAuthority(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try self.shell(
            "cd \(folder) && openssl req -x509 \(Self.curve) -keyout ca.key -out ca.pem -days 2 "
                + "-subj '/CN=\(URL(fileURLWithPath: folder).lastPathComponent)' -addext keyUsage=critical,keyCertSign")
    }

    private func issue(_ name: String, to folder: String, days: Int = 1) throws {
        try self.shell(
            "cd \(folder) && printf 'subjectAltName=IP:127.0.0.1,URI:spiffe://shop.example/\(name)\\n' > extensions "
                + "&& openssl req \(Self.curve) -keyout key.new -out request -subj /CN=t "
                + "&& openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days \(days) "
                + "-extfile extensions -out cert.new && mv key.new key.pem && mv cert.new cert.pem")
    }

    /// What the second look says: the first one only sees that something has changed.
    private func settled(_ files: CertificateFiles) -> CertificateFiles.Look {
        #expect(files.look() == .unchanged)
        return files.look()
    }

    @Test("new files take the place of old ones when they have stopped changing") func newFilesAreTaken() throws {
        let files = try CertificateFiles(self.files)
        let first = files.current
        #expect(first.name.description == "spiffe://shop.example/unit/a")
        #expect((86_000...86_400).contains(files.secondsLeft))
        #expect(files.look() == .unchanged)
        try self.issue("unit/a", to: self.folder)
        #expect(self.settled(files) == .replaced)
        #expect(files.current.certificate != first.certificate && files.current.key != first.key)
        #expect(files.look() == .unchanged)
        #expect(files.refusal == nil)
    }

    @Test("bad files take no good ones' place, and are told once") func badFilesAreRefused() throws {
        let files = try CertificateFiles(self.files)
        let first = files.current.certificate
        func expectRefusal(_ reason: String) {
            let look = self.settled(files)
            guard case .refused(let said) = look else {
                Issue.record("\(reason): \(look)")
                return
            }
            #expect(said.contains(reason), "\(said)")
            #expect(files.current.certificate == first)
            #expect(files.refusal == said)
            #expect(files.look() == .unchanged)
        }
        try self.issue("unit/b", to: self.folder)
        expectRefusal("it names spiffe://shop.example/unit/b, and this is spiffe://shop.example/unit/a")
        try self.issue("unit/a", to: self.folder, days: -1)
        expectRefusal("it expired")
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: self.files.certificate))
        expectRefusal("cert.pem cannot be used")
        try FileManager.default.removeItem(atPath: self.files.certificate)
        expectRefusal("cert.pem cannot be used")
        let other = self.folder + "/other"
        try self.makeAuthority(other)
        try self.issue("unit/a", to: other)
        for name in ["cert.pem", "key.pem"] {
            try? FileManager.default.removeItem(atPath: "\(self.folder)/\(name)")
            try FileManager.default.copyItem(atPath: "\(other)/\(name)", toPath: "\(self.folder)/\(name)")
        }
        expectRefusal("has signed it")
        // A pair whose halves do not belong together.
        try self.issue("unit/a", to: self.folder)
        try FileManager.default.removeItem(atPath: self.files.key)
        try FileManager.default.copyItem(atPath: other + "/key.pem", toPath: self.files.key)
        expectRefusal("cannot be used")
        try self.issue("unit/a", to: self.folder)
        #expect(self.settled(files) == .replaced)
        #expect(files.refusal == nil)
    }

    @Test("files that were refused are tried again, though they do not change; their reason is told once")
    func refusedFilesAreTriedAgain() throws {
        let start = Int64(Date().timeIntervalSince1970) + 60
        let now = NIOLockedValueBox(start)
        let files = try CertificateFiles(self.files) { now.withLockedValue { $0 } }
        let first = files.current.certificate
        try self.issue("unit/a", to: self.folder)
        now.withLockedValue { $0 = start - 1_000 }
        guard case .refused(let reason) = self.settled(files) else {
            Issue.record("a certificate of the future was taken")
            return
        }
        #expect(reason.contains("it is valid in"))
        now.withLockedValue { $0 = start - 900 }
        #expect(files.look() == .unchanged && files.current.certificate == first)
        now.withLockedValue { $0 = start }
        #expect(files.look() == .replaced)
        #expect(files.current.certificate != first && files.refusal == nil)
    }

    @Test("an authority's file may have several, so that one can follow another") func authoritiesFollow() throws {
        let files = try CertificateFiles(self.files)
        let other = self.folder + "/other"
        try self.makeAuthority(other)
        try self.issue("unit/a", to: other)
        try self.shell("cat \(other)/ca.pem >> \(self.folder)/ca.pem")
        #expect(self.settled(files) == .replaced)
        for name in ["cert.pem", "key.pem"] {
            try FileManager.default.removeItem(atPath: "\(self.folder)/\(name)")
            try FileManager.default.copyItem(atPath: "\(other)/\(name)", toPath: "\(self.folder)/\(name)")
        }
        #expect(self.settled(files) == .replaced)
    }

    @Test("the time left is told by the clock, and goes below zero") func timeLeftIsTold() throws {
        let now = NIOLockedValueBox(Int64(Date().timeIntervalSince1970))
        let files = try CertificateFiles(self.files) { now.withLockedValue { $0 } }
        let left = files.secondsLeft
        now.withLockedValue { $0 += 100 }
        #expect(files.secondsLeft == left - 100)
        now.withLockedValue { $0 += 100_000 }
        #expect(files.secondsLeft == left - 100_100)
        #expect(throws: StartError.self) { try CertificateFiles(self.files) { now.withLockedValue { $0 } } }
    }

    @Test("a caller is known by the one name of its own domain, until its certificate expires")
    func callersAreKnown() throws {
        let peer = PeerCertificate(domain: "shop.example")
        func code(_ now: Int64 = 10) -> String {
            do { return try peer.name(now: now).description } catch { return error.code }
        }
        #expect(code() == "bad_certificate")
        peer.hear(uriNames: ["spiffe://shop.example/unit/a"], notAfter: 20)
        #expect(code() == "spiffe://shop.example/unit/a")
        #expect(code(19) == "spiffe://shop.example/unit/a")
        #expect(code(20) == "certificate_expired")
        func atAge(_ milliseconds: Int64) -> String {
            let steady = SystemClock.monotonic().advanced(milliseconds: milliseconds)
            do { return try peer.name(now: 10, steady: steady).name } catch { return error.code }
        }
        #expect(atAge(350_000) == "a" && atAge(362_000) == "certificate_expired", "nobody keeps a connection for ever")
        #expect(!peer.isOld() && peer.isOld(at: SystemClock.monotonic().advanced(milliseconds: 302_000)))
        for names in [[], ["spiffe://shop.example/unit/a", "spiffe://shop.example/unit/a"], ["spiffe://else/unit/a"]] {
            peer.hear(uriNames: names, notAfter: 20)
            #expect(code() == "bad_certificate", "\(names)")
        }
    }
}
