// swift-tools-version: 6.2
import PackageDescription

// A package of its own, with links to the sources that it fuzzes: coverage instrumentation slows everything down, and
// libFuzzer brings its own `main`.
let instrumented: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-sanitize=fuzzer"]),
]

let package = Package(
    name: "tranche-fuzzing",
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .target(name: "TrancheCore", swiftSettings: instrumented),
        .target(
            name: "TrancheAPI", dependencies: ["TrancheCore", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: instrumented),
        .target(
            name: "ExpressParsing",
            dependencies: ["TrancheCore"], swiftSettings: instrumented),
        .target(name: "LedgerRows", dependencies: ["TrancheCore"], swiftSettings: instrumented),
        .systemLibrary(name: "CEpoll"),
        .systemLibrary(name: "CTimex"),
        .target(name: "Sockets", dependencies: ["CEpoll"], swiftSettings: instrumented),
        // The handlers of the ordinary stack, without the router behind them.
        .target(
            name: "EdgeHandlers",
            dependencies: [
                "TrancheCore", "TrancheAPI", "Sockets", "CTimex",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ],
            // Addresses are fields of a C structure that swift-nio knows under a name of its own.
            swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault"), .unsafeFlags(["-sanitize=fuzzer"])]),
        .executableTarget(
            name: "tranche-fuzz",
            dependencies: [
                "TrancheCore", "TrancheAPI", "ExpressParsing", "LedgerRows", "EdgeHandlers",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: instrumented + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
    ],
    swiftLanguageModes: [.v6]
)
