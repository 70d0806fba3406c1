import FileTree
import FuseMount
import Glibc
import TestSupport

/// Where a conformance case runs: on a mount of ours, and on the machine's own filesystem, which tests the case itself.
enum Place: String, CaseIterable, Sendable, CustomStringConvertible {
    case mount
    case machine

    var description: String { rawValue }

    /// Runs `body` in an empty directory that everybody may write to.
    func run(_ body: (Directory) throws -> Void) throws {
        switch self {
        case .mount:
            try withMount { (mount) throws in try body(Directory(path: mount.path, mount: mount)) }
        case .machine:
            let folder = try TemporaryFolder()
            try check(chmod(folder.path, 0o777))
            try body(Directory(path: folder.path, mount: nil))
        }
    }

    struct Directory {
        /// Without a slash at its end.
        let path: String
        /// Nil on the machine's own filesystem.
        let mount: TestMount?

        subscript(name: String) -> String { path + "/" + name }
    }
}
