import Dispatch
import Foundation

/// Ctrl-C, SIGTERM and a closed terminal, as something to wait for.
package final class StopSignals: @unchecked Sendable {  // The sources are kept, and never touched again.
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
