import Basics
import Glibc

/// The program that mounts for those who may not: `fusermount3` of the package fuse3.
package enum Fusermount {
    /// The first that can do it; one without its setuid bit may come before it in PATH.
    ///
    /// - Throws: when there is none.
    package static func path() throws(HarnessError) -> String {
        var refused: [String] = []
        for folder in searchPath {
            let path = "\(folder)/fusermount3"
            guard access(path, X_OK) == 0 else { continue }
            if geteuid() == 0 || isSetuidRoot(path) { return path }
            if !refused.contains(path) { refused.append(path) }
        }
        guard let first = refused.first else {
            throw HarnessError("there is no fusermount3: sudo apt-get install fuse3")
        }
        throw HarnessError(
            "\(first) cannot mount, as it is not setuid root: sudo chown root \(first) && sudo chmod u+s \(first)"
        )
    }

    private static var searchPath: [String] {
        let own = getenv("PATH").map { String(cString: $0) } ?? ""
        return own.split(separator: ":").map(String.init) + ["/usr/bin", "/bin", "/usr/local/bin"]
    }

    /// And on a filesystem where that counts.
    private static func isSetuidRoot(_ path: String) -> Bool {
        var file = stat()
        var filesystem = statvfs()
        return stat(path, &file) == 0 && file.st_uid == 0 && file.st_mode & S_ISUID != 0
            && statvfs(path, &filesystem) == 0 && filesystem.f_flag & UInt(ST_NOSUID) == 0
    }
}
