// swift-tools-version: 6.0
import Glibc
import PackageDescription

// `make lint` and CI build with warnings as errors; a person trying things out does not have to.
let settings: [SwiftSetting] =
    Context.environment["PERJURY_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])]

/// Whether Swift's own library is there as an archive, as in the toolchains of swift.org.
let hasArchivesOfSwift = (Context.environment["PATH"] ?? "").split(separator: ":").contains {
    guard let real = realpath("\($0)/swift", nil) else { return false }
    defer { free(real) }
    let folder = String(cString: real).split(separator: "/").dropLast().joined(separator: "/")
    return access("/\(folder)/../lib/swift_static/linux/libswiftCore.a", R_OK) == 0
}

/// For programs that an observation starts anew each time: the dynamic linker takes more of a processor's time than the
/// store. So they are linked to archives where all of them are installed, as Debian's packages install them.
func archived(_ libraries: [String], needing others: [String] = []) -> [LinkerSetting] {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
    let areThere = folders.contains { folder in
        (libraries + others + ["c"]).allSatisfy { access("\(folder)/lib\($0).a", R_OK) == 0 }
    }
    guard areThere && hasArchivesOfSwift else { return [] }
    return [.unsafeFlags(["-static-executable"])] + others.map { .linkedLibrary($0) }
}

/// What is given to others needs nothing of their machines but a kernel, not even the same C library: `make programs`.
let isForOthers = Context.environment["PERJURY_DIST"] != nil

let package = Package(
    name: "perjury",
    products: [
        .executable(name: "perjury", targets: ["perjury"]),
        .library(name: "Perjury", targets: ["Perjury"]),
        .library(name: "PerjuryMarks", targets: ["PerjuryMarks"]),
        .executable(name: "perjury-keeper", targets: ["perjury-keeper"]),
        .library(name: "later-clock", type: .dynamic, targets: ["later-clock"]),
        .executable(name: "store-workloads", targets: ["store-workloads"]),
        .executable(name: "engine-workloads", targets: ["engine-workloads"]),
        .executable(name: "rocksdb-workloads", targets: ["rocksdb-workloads"]),
    ],
    dependencies: [
        // The command line: parsing, help texts, completion.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Persistent (O(1) to fork) hash tables for the file tree.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // `Errno`: typed system errors instead of bare integers.
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        .systemLibrary(name: "CFuse", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
        // workload.yaml, with the line of each key for error messages. Yams, in Swift, brings Foundation and with it
        // 45 MB of program.
        .systemLibrary(
            name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // The engines of the catalogue. Those without `pkgConfig` have no such file in Debian, and
        // LMDB's says no more than its module map.
        .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CLevelDB", providers: [.apt(["libleveldb-dev"])]),
        .systemLibrary(name: "CBerkeleyDB", providers: [.apt(["libdb5.3-dev"])]),
        .systemLibrary(name: "CGDBM", providers: [.apt(["libgdbm-dev"])]),
        .systemLibrary(name: "CTDB", pkgConfig: "tdb", providers: [.apt(["libtdb-dev"])]),
        .systemLibrary(
            name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"])]),
        .target(name: "CSupport"),
        // What several of the targets below need and none of them is about.
        .target(
            name: "Basics",
            dependencies: [
                "CSupport", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .target(
            name: "FileTree",
            dependencies: [
                "Basics", "CSupport",
                .product(name: "HashTreeCollections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .target(
            name: "Recording", dependencies: ["FileTree", "Basics"], swiftSettings: settings),
        .target(name: "PowerLoss", dependencies: ["Recording", "Basics"], swiftSettings: settings),
        .target(name: "Oracles", dependencies: ["Basics"], swiftSettings: settings),
        .target(
            name: "Campaign", dependencies: ["PowerLoss", "Oracles", "Basics"],
            swiftSettings: settings),
        .target(
            name: "FuseMount", dependencies: ["CFuse", "CSupport", "Basics", "Recording"],
            swiftSettings: settings),
        .target(
            name: "Stage", dependencies: ["FuseMount", "Oracles", "Basics", "CSupport"],
            swiftSettings: settings),
        .target(
            name: "Workloads",
            dependencies: [
                "Stage", "FuseMount", "Campaign", "Oracles", "Basics", "CSupport", "CYAML",
            ],
            swiftSettings: settings),
        .target(name: "Reporting", dependencies: ["Campaign", "Basics"], swiftSettings: settings),
        .target(
            name: "HandMount",
            dependencies: [
                "Workloads", "Stage", "Reporting", "Basics", "CSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        // For `swift test` of other packages: record, explore, expect.
        .target(
            name: "Perjury",
            dependencies: ["Workloads", "Reporting", "Stage", "Basics", "perjury-keeper"],
            swiftSettings: settings),
        .executableTarget(
            name: "perjury",
            dependencies: [
                "Workloads", "Stage", "Reporting", "HandMount", "Basics",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            // What `perjury init` writes.
            resources: [
                "store.py", "store.js", "store.sh", "store.c", "store.rs", "store.go",
                "store.swift", "Store.java",
            ].map { .embedInCode("Templates/\($0).in") },
            swiftSettings: settings,
            linkerSettings: isForOthers ? archived(["fuse3", "yaml"]) : []),
        .executableTarget(name: "perjury-keeper"),
        // Loaded into programs that recover after a time.
        .target(name: "later-clock"),
        .executableTarget(
            name: "perjury-bench", dependencies: ["Workloads", "Basics"],
            path: "Benchmarks/perjury-bench", swiftSettings: settings),
        // The marks of a program that is written in Swift: a product, so it depends on nothing.
        .target(name: "PerjuryMarks", swiftSettings: settings),
        // What the programs of the catalogue have in common: their marks and what drives a store.
        .target(name: "WorkloadMarks", dependencies: ["PerjuryMarks"], swiftSettings: settings),
        .executableTarget(
            name: "store-workloads", dependencies: ["CSQLite", "WorkloadMarks"],
            swiftSettings: settings, linkerSettings: archived(["sqlite3"])),
        .executableTarget(
            name: "engine-workloads",
            dependencies: ["CLMDB", "CLevelDB", "CBerkeleyDB", "CGDBM", "CTDB", "WorkloadMarks"],
            swiftSettings: settings,
            linkerSettings: archived(["lmdb", "leveldb", "db", "gdbm", "tdb"], needing: ["snappy"])),
        // On its own: where it is linked dynamically, librocksdb takes 2.5 ms more at each start.
        .executableTarget(
            name: "rocksdb-workloads", dependencies: ["CRocksDB", "WorkloadMarks"],
            swiftSettings: settings,
            linkerSettings: archived(
                ["rocksdb"], needing: ["snappy", "z", "bz2", "lz4", "zstd", "gflags"])),
        .target(
            name: "TestSupport", dependencies: ["Recording"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .executableTarget(
            name: "perjury-fuzz",
            dependencies: [
                "Workloads", "Reporting", "FuseMount", "CFuse", "Basics", "CSupport",
                "TestSupport",
            ],
            path: "Tests/Fuzz", swiftSettings: settings),
        .testTarget(name: "FileTreeTests", dependencies: ["FileTree", "TestSupport"]),
        .testTarget(
            name: "RecordingTests", dependencies: ["Recording", "CSupport", "TestSupport"]),
        .testTarget(
            name: "PowerLossTests",
            dependencies: ["PowerLoss", "FuseMount", "TestSupport", "CTestSupport"]),
        .testTarget(name: "OraclesTests", dependencies: ["Oracles"]),
        .testTarget(
            name: "CampaignTests", dependencies: ["Campaign", "Reporting", "TestSupport"]),
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .testTarget(
            name: "FuseMountTests",
            dependencies: ["FuseMount", "Basics", "TestSupport", "CTestSupport"]),
        .testTarget(name: "StageTests", dependencies: ["Stage", "CFuse"]),
        .testTarget(
            name: "WorkloadsTests", dependencies: ["Workloads", "Basics", "TestSupport"]),
        .testTarget(
            name: "HandMountTests",
            dependencies: ["HandMount", "FuseMount", "Workloads", "TestSupport"]),
        .testTarget(
            name: "ReportingTests",
            dependencies: ["Reporting", "perjury", "Stage", "Basics", "CSupport", "TestSupport"]),
        .testTarget(
            name: "CommandTests",
            dependencies: ["Workloads", "Reporting", "perjury", "Stage", "CSupport", "TestSupport"]),
        .testTarget(
            name: "PerjuryTests", dependencies: ["Perjury", "Oracles", "PowerLoss", "Basics"]),
        .testTarget(
            name: "PlantedBugTests",
            dependencies: ["Workloads", "Reporting", "Basics", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
