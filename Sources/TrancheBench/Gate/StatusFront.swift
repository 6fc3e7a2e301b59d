import Clusters
import DaemonSupport
import Foundation
import LoadGenerator
import Sockets
import Terminal

/// nginx that keeps copies of a gate's `status.json` for the second that the gate allows, with the lines of
/// ops/nginx/tranche.conf that matter for it. Its limits and TLS are left out: one generator has one address, and the
/// figures beside it are without TLS.
final class StatusFront: @unchecked Sendable {  // Used by one run at a time.
    let port: Int
    private let folder: String
    private let nginx: ChildProcess

    /// - Parameter gate: The public port of the gate.
    init(gate: Int) async throws {
        self.port = try FreePorts.take()
        self.folder = try PrivateFolder.make("tranche-front")
        // If this user is root, the workers run as another user, who must reach the copies.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: self.folder)
        try Data(Self.configuration(self.folder, port: self.port, gate: gate).utf8).write(
            to: URL(fileURLWithPath: self.folder + "/nginx.conf"))
        self.nginx = try ChildProcess(
            try LocalCluster.find("nginx"), ["-c", self.folder + "/nginx.conf", "-p", self.folder],
            environment: ProcessInfo.processInfo.environment, log: self.folder + "/nginx.out", deathSignal: SIGTERM)
        for _ in 0..<100 {
            var tape = RequestTape()
            tape.append("GET /v1/sales/open/status.json HTTP/1.1\r\nHost: tranche\r\n\r\n")
            let result = try? await Drive(port: self.port, connections: 1, seconds: 0.2).run(tape)
            if result?.statuses[200] == 1 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandError("nginx does not answer; see the logs in \(self.folder)")
    }

    var processes: [Int32] { [self.nginx.pid] }

    func stop() async {
        self.nginx.send(SIGTERM)
        for _ in 0..<100 where self.nginx.isRunning { try? await Task.sleep(for: .milliseconds(20)) }
        self.nginx.crash()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    private static func configuration(_ folder: String, port: Int, gate: Int) -> String {
        """
        daemon off; worker_processes auto; pid \(folder)/nginx.pid; error_log \(folder)/error.log;
        events { worker_connections 4096; }
        http {
            access_log off; keepalive_requests 1000000000;
            proxy_cache_path \(folder)/cache keys_zone=tranche:10m max_size=256m inactive=1h use_temp_path=off;
            upstream gates { server 127.0.0.1:\(gate); keepalive 64; }
            server {
                listen 127.0.0.1:\(port) backlog=8192;
                proxy_http_version 1.1; proxy_pass_request_headers off;
                proxy_set_header Host $host; proxy_set_header Connection "";
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_cache_key $uri; proxy_cache_lock on; proxy_cache_lock_age 3s; proxy_cache_lock_timeout 5s;
                proxy_cache_use_stale updating error timeout http_500 http_502 http_503 http_504;
                location ~ ^/v1/sales/[A-Za-z0-9._-]+/status\\.json$ {
                    proxy_cache tranche; proxy_read_timeout 2s; proxy_pass http://gates$uri;
                    open_file_cache max=1024 inactive=60s; open_file_cache_valid 60s; sendfile off; tcp_nopush off;
                }
            }
        }

        """
    }
}
