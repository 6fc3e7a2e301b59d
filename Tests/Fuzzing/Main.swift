import TrancheCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// libFuzzer as a library: it reads its own options and calls back with each input.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// `tranche-fuzz TARGET [libFuzzer's options and folders]`, or `tranche-fuzz TARGET --seeds FOLDER`.
@main enum Main {
    static func main() {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        // libFuzzer starts this program again for some of its work, with its own options only.
        if let name = getenv("FUZZ_TARGET"), let found = FuzzTarget(rawValue: String(cString: name)) {
            target = found
            var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
            exit(runDriver(&count, &arguments, Self.callback))
        }
        guard CommandLine.argc > 1, let found = FuzzTarget(rawValue: CommandLine.arguments[1]) else {
            print("usage: tranche-fuzz TARGET [options of libFuzzer]; targets: \(names)")
            exit(64)
        }
        target = found
        setenv("FUZZ_TARGET", found.rawValue, 1)
        if CommandLine.argc == 4, CommandLine.arguments[2] == "--seeds" {
            for (number, bytes) in found.seeds.enumerated() {
                write(bytes, to: "\(CommandLine.arguments[3])/seed-\(number)")
            }
            return
        }
        // The target's name is not for libFuzzer.
        var arguments = CommandLine.unsafeArgv
        arguments[1] = arguments[0]
        arguments += 1
        var count = CommandLine.argc - 1
        exit(runDriver(&count, &arguments, Self.callback))
    }

    private static let callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt = { start, count in
        target.run(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }
}

nonisolated(unsafe) private var target = FuzzTarget.token  // Set once, before the first input.

private func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}
