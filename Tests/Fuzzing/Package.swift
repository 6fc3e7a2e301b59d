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
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0")
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
        .executableTarget(
            name: "tranche-fuzz",
            dependencies: [
                "TrancheCore", "TrancheAPI", "ExpressParsing", "LedgerRows",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: instrumented + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
    ],
    swiftLanguageModes: [.v6]
)
