// swift-tools-version: 6.2
import PackageDescription

// A package of its own, with links to the sources that it measures: it brings its own `malloc`, which counts.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .treatAllWarnings(as: .error),
]

let package = Package(
    name: "tranche-micro",
    dependencies: [.package(url: "https://github.com/apple/swift-crypto", from: "4.5.0")],
    targets: [
        .target(name: "TrancheCore", swiftSettings: settings),
        .target(
            name: "TrancheAPI", dependencies: ["TrancheCore", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings),
        .target(name: "ExpressParsing", dependencies: ["TrancheCore"], swiftSettings: settings),
        .target(name: "LedgerRows", dependencies: ["TrancheCore"], swiftSettings: settings),
        .target(name: "CountedMalloc"),
        .executableTarget(
            name: "tranche-micro",
            dependencies: ["TrancheCore", "TrancheAPI", "ExpressParsing", "LedgerRows", "CountedMalloc"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
