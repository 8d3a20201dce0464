// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because a fully static executable needs unsafe flags, which would make the main package unusable as a dependency.
// Built by scripts/build-agent.sh; Linux only.
let package = Package(
    name: "sandstorm-agent",
    products: [.executable(name: "sandstorm-agent", targets: ["SandstormAgent"])],
    targets: [
        .systemLibrary(name: "CLinux"),
        .executableTarget(
            name: "SandstormAgent",
            dependencies: ["CLinux"],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .unsafeFlags(["-static-executable"]),
            ],
            linkerSettings: [
                .unsafeFlags(["-static-executable", "-Xlinker", "--gc-sections"]),
                // See Backtraces.swift.
                .unsafeFlags(["-Xlinker", "--wrap=swift_copyAuxiliaryExecutablePath"]),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
