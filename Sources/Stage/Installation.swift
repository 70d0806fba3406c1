import CSupport
import Glibc

/// Where perjury is installed. Everything is found from the executable itself: not from the working directory, nor from the
/// name it was called by.
package enum Installation {
    /// The folder of the executable that runs this code; of the test bundle, in tests.
    package static let folder: String? = realPath(String(cString: perjury_image_path())).flatMap {
        path in path.lastIndex(of: "/").map { String(path[..<$0]) }
    }

    /// Where the programs that belong to perjury may lie: beside it where it was built, in `libexec` where it is installed.
    static let places = folder.map { [$0, "\($0)/../libexec/perjury"] } ?? []

    /// The folder of the keeper, and of the programs that workloads of the catalogue name.
    package static let programs: String? = places.first {
        access("\($0)/perjury-keeper", X_OK) == 0
    }.flatMap(realPath)

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
