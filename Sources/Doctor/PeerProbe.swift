import CurlClient
import DaemonSupport
import Foundation
import TrancheCore

/// Measures the way to another process, and how far its clock is away.
enum PeerProbe {
    private static let calls = 5
    private static let timeoutMilliseconds = 3_000

    static func read(_ address: String, _ curl: CurlClient) async -> MachineReading.Peer {
        var (best, clock): (Int64, Int64?) = (.max, nil)
        do throws(CurlError) {
            for _ in 0..<self.calls {
                let began = SystemClock.monotonic()
                let response = try await curl.send(
                    CurlRequest("GET", address + "/healthz", timeoutMilliseconds: self.timeoutMilliseconds))
                let took = SystemClock.monotonic().microseconds - began.microseconds
                guard response.status == 200 else { return .silent("it answers with status \(response.status)") }
                // The first call also makes the connection; the fastest one says most about the clock.
                guard took < best else { continue }
                best = took
                clock = response.headers["date"].flatMap(self.seconds).map { there in
                    // The field has whole seconds: half of one is added, and half of the way.
                    let here = SystemClock.now().microseconds - took / 2
                    return (there * 1_000_000 + 500_000 - here) / 1_000_000
                }
            }
            return .answers(roundTrip: best, clockSeconds: clock)
        } catch { return .silent("\(error)") }
    }

    /// A date of HTTP (RFC 9110, section 5.6.7), in seconds since 1970.
    static func seconds(_ text: String) -> Int64? {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return format.date(from: text).map { Int64($0.timeIntervalSince1970) }
    }
}
