import Dispatch
import Foundation

/// Waits for Ctrl-C, SIGTERM or a closed terminal.
package final class StopSignals: @unchecked Sendable {  // The sources are only stored after the start.
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    package init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        self.sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
    }

    package func wait() async { for await _ in self.stream { return } }
}
