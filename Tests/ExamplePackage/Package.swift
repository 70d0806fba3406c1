// swift-tools-version: 6.0
import PackageDescription

// A package of somebody else's, whose tests use perjury. Yours names a URL in place of the path.
let package = Package(
    name: "notes",
    dependencies: [.package(name: "perjury", path: "../..")],
    targets: [
        .executableTarget(
            name: "notes", dependencies: [.product(name: "PerjuryMarks", package: "perjury")]),
        .testTarget(
            name: "NotesTests",
            dependencies: [
                "notes",
                .product(name: "Perjury", package: "perjury"),
                // The program that holds mounts and processes; it has to be built, too.
                .product(name: "perjury-keeper", package: "perjury"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
