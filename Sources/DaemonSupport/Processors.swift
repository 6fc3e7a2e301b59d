import CSpawn
import Foundation

/// Which processors threads may use. A measurement on few processors keeps server and generator apart, so that neither
/// takes from the other.
package enum Processors {
    package struct NotAllowed: Error, CustomStringConvertible {
        let processor: Int
        let code: Int32
        package var description: String {
            "this process may not keep to processor \(self.processor): \(String(cString: strerror(self.code)))"
        }
    }

    package static var count: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    /// Keeps the calling thread, and the threads and processes that it starts later, to one processor.
    package static func keepThread(to processor: Int) throws(NotAllowed) { try self.keep(0, to: processor) }

    /// Keeps all threads of this process, and the threads and processes that they start later, to one processor.
    package static func keepProcess(to processor: Int) throws(NotAllowed) {
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
            guard let thread = pid_t(thread) else { continue }
            do throws(NotAllowed) { try self.keep(thread, to: processor) } catch {
                // The thread may have ended.
                if error.code != ESRCH { throw error }
            }
        }
    }

    private static func keep(_ thread: pid_t, to processor: Int) throws(NotAllowed) {
        let code = cspawn_keep(thread, Int32(clamping: processor))
        guard code == 0 else { throw NotAllowed(processor: processor, code: code) }
    }
}
