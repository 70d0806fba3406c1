import Basics
import Glibc

/// The regular files below a workload's folder, without what the harness itself writes there, version control's and
/// Python's caches.
package struct FolderFiles: Sendable {
    package struct File: Sendable {
        /// Below the folder.
        package let path: String
        /// Of what a symbolic link names.
        package let status: stat
    }

    package private(set) var files: [File] = []
    /// Links to folders, which are not followed, and what is neither a file nor a folder; below the folder.
    package private(set) var others: [String] = []
    /// False when there are more than are looked at.
    package private(set) var isWhole = true

    /// Of findings packed up.
    package static let packSuffix = ".perjury-finding"

    private static let limit = 5000
    private static let skippedFolders: Set = [".git", ".hg", ".svn", "__pycache__", ".build"]
    private static let deepest = 64

    /// - Parameter except: files and folders of the harness; its standard output and error are left out, too.
    package init(_ folder: String, except: [String]) {
        var skipped: Set<Identity> = []
        for path in except { Self.status(path).map { _ = skipped.insert(Identity($0)) } }
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            var status = stat()
            if fstat(descriptor, &status) == 0 { skipped.insert(Identity(status)) }
        }
        visit(folder, "", depth: 0, skipped)
    }

    /// By path, not as the folder happens to have them.
    package mutating func sort() {
        files.sort { $0.path < $1.path }
    }

    package var largest: File? { files.max { $0.status.st_size < $1.status.st_size } }

    private struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t

        init(_ status: stat) {
            device = status.st_dev
            inode = status.st_ino
        }
    }

    /// Whether it is what `--out` names, of this run or of another one.
    private static func isOutputFolder(_ path: String) -> Bool {
        status("\(path)/lock") != nil && status("\(path)/names.json") != nil
    }

    static func status(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    private mutating func visit(
        _ folder: String, _ prefix: String, depth: Int, _ skipped: Set<Identity>
    ) {
        guard isWhole, let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while isWhole, let entry = readdir(directory) {
            let isLink = entry.pointee.d_type == UInt8(DT_LNK)
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != "..", let status = Self.status("\(folder)/\(name)"),
                !skipped.contains(Identity(status))
            else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                guard !name.hasSuffix(Self.packSuffix) else { continue }
                files.append(File(path: prefix + name, status: status))
                isWhole = files.count < Self.limit
            case S_IFDIR where Self.skippedFolders.contains(name): break
            case S_IFDIR where !isLink:
                guard !Self.isOutputFolder("\(folder)/\(name)") else { continue }
                isWhole = depth < Self.deepest
                visit("\(folder)/\(name)", "\(prefix)\(name)/", depth: depth + 1, skipped)
            default: others.append(prefix + name)
            }
        }
    }
}

extension Surroundings {
    /// Nanoseconds of the clock that files' times are from, as it was a moment ago: file times lag behind it.
    static var fileTime: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) - 20_000_000
    }

    /// Where a run that changed nothing in its data directory wrote instead.
    ///
    /// - Parameters:
    ///   - began: the run's begin, see `fileTime`.
    ///   - except: files and folders of the harness.
    ///   - scratch: what is in `$PERJURY_RUN`.
    func writtenElsewhere(since began: Int64, except: [String], scratch: [String]) -> [String] {
        let written = FolderFiles(folder, except: except).files.filter {
            let time = $0.status.st_mtim
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) >= began
        }.map(\.path).sorted()
        let advice = "; all that the store keeps must be below $PERJURY_DIR"
        return [
            ("in the folder \(folder)", written),
            ("in its home folder, $PERJURY_RUN, which no power loss touches", scratch.sorted()),
        ].compactMap { place, names in
            guard let first = names.first else { return nil }
            let more = names.count > 1 ? " and \(names.count - 1) more" : ""
            return "run wrote \(first)\(more) \(place)\(advice)"
        }
    }
}
