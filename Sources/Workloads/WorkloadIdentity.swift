import Basics
import FileTree
import Glibc
import Synchronization

/// What a run, or an observation, follows from. Whoever has another one must make it anew.
///
/// It is a text of one line for each part, so that what differs between two can be named: every property of the workload
/// file but those that are known not to matter, the programs by the hash of their bytes, the files of the folder. A
/// property that is new matters until it is listed here. What is not in it: libraries that programs load, files elsewhere
/// that they read, the kernel.
package struct WorkloadIdentity: Hashable, Sendable {
    package let text: String

    package init(text: String) {
        self.text = text
    }

    /// Properties of `WorkloadFile` that the recorded run does not depend on: they say how it is judged.
    package static let ignoredInRun: Set = [
        "about", "promise", "expect", "observer", "requires", "models", "under", "nested",
        "mountsAtOnce", "acceptedExit", "afterNanoseconds",
    ]

    /// Those that what an observer shows of a given tree does not depend on.
    package static let ignoredInObservation: Set = [
        "about", "promise", "expect", "setup", "run", "requires", "models", "under", "nested",
        "mountsAtOnce", "acceptedExit", "waitsForAll", "faults",
    ]

    init(ofRun workload: Workload, _ options: RunnerOptions, _ folder: FolderFiles) {
        var file = workload.file
        file.faults = file.faults.adding(options.faults)
        let programs = [file.setup, file.run] + Self.programs(of: file.server)
        self.init(workload, file, ignoring: Self.ignoredInRun, programs, options, folder)
    }

    init(ofObserver workload: Workload, _ options: RunnerOptions, _ folder: FolderFiles) {
        let file = workload.file
        let programs = [file.observer.words] + Self.programs(of: file.server)
        self.init(workload, file, ignoring: Self.ignoredInObservation, programs, options, folder)
    }

    private static func programs(of server: WorkloadFile.Server?) -> [[String]?] {
        [server?.command, server?.ready, server?.stop]
    }

    private init(
        _ workload: Workload, _ file: WorkloadFile, ignoring ignored: Set<String>,
        _ programs: [[String]?], _ options: RunnerOptions, _ files: FolderFiles
    ) {
        var lines = ["seed \(options.seed)"]
        for (label, value) in Mirror(reflecting: file).children {
            guard let label, !ignored.contains(label) else { continue }
            lines.append("\(label) \(Self.canonical(value))")
        }
        for variable in file.environment where variable.value == nil {
            // Not the value, which may be a secret.
            let value = getenv(variable.name).map { String(cString: $0) } ?? ""
            lines.append("variable \(variable.name) \(Self.hash(Array(value.utf8)))")
        }
        let path = Surroundings.searchPath(file.environment, folder: workload.folder)
        lines += Program.named(
            by: programs.compactMap(\.self), folder: workload.folder, searchPath: path
        ).map { "program \($0.path) \($0.hash)" }
        lines.append(Self.line(of: files, folder: workload.folder))
        text = lines.joined(separator: "\n")
    }

    // MARK: Comparing

    private static let unknownFolder = "folder unknown"

    /// Whether something could not be looked at: it is the same as nothing then.
    package var isUnknown: Bool { text.hasSuffix(Self.unknownFolder) }

    /// Why what was made under another identity is not to be taken over; nil when it may be.
    package func difference(from other: WorkloadIdentity) -> String? {
        if text == other.text {
            guard isUnknown else { return nil }
            return "its folder has too many files to tell whether one has changed"
        }
        return change(since: other)
    }

    /// What is known to be another than it was; nil where nothing is.
    ///
    /// - Parameter ignored: parts that do not matter, by the first word of their lines.
    package func change(since other: WorkloadIdentity, ignoring ignored: Set<String> = [])
        -> String?
    {
        let own = Self.parts(of: text, ignoring: ignored)
        let others = Self.parts(of: other.text, ignoring: ignored)
        let changed = own.filter { others[$0.key] == nil } + others.filter { own[$0.key] == nil }
        guard !changed.isEmpty else { return nil }
        return "changed since: \(Set(changed.map(\.value)).sorted().joined(separator: ", "))"
    }

    /// What is compared, with its name for a person. Programs of one name and hash are the same wherever they lie.
    private static func parts(of text: String, ignoring ignored: Set<String>) -> [String: String] {
        var parts: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let kind = String(line.prefix { $0 != " " })
            guard !ignored.contains(kind) else { continue }
            switch kind {
            case "program":
                let words = line.split(separator: " ", omittingEmptySubsequences: false)
                let path = words.dropFirst().dropLast().joined(separator: " ")
                let name = path.split(separator: "/").last.map(String.init) ?? path
                let hash = words.last.map(String.init) ?? ""
                parts["program \(name) \(hash)"] = "the program \(path)"
            case "folder": parts[String(line)] = "the files of its folder"
            default: parts[String(line)] = "`\(kind)`"
            }
        }
        return parts
    }

    // MARK: Parts

    /// A value as a text that is the same in every process: sets and dictionaries in order, each property with its name.
    package static func canonical(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        let children = mirror.children.map { child in
            let text = canonical(child.value)
            return mirror.displayStyle == .collection ? text : "\(child.label ?? ""):\(text)"
        }
        switch mirror.displayStyle {
        case .set, .dictionary:
            return
                "[\(mirror.children.map { canonical($0.value) }.sorted().joined(separator: ","))]"
        case .collection: return "[\(children.joined(separator: ","))]"
        case .optional: return mirror.children.first.map { canonical($0.value) } ?? "nil"
        case nil: return String(reflecting: value)
        // A case without a value has no children.
        default:
            return children.isEmpty ? "\(value)" : "(\(children.joined(separator: ",")))"
        }
    }

    private static func line(of files: FolderFiles, folder: String) -> String {
        guard files.isWhole else { return unknownFolder }
        var sum: UInt64 = 0
        // The workload file is there by its keys.
        for file in files.files where file.path != "workload.yaml" {
            let path = StableHash.of(Array(file.path.utf8))
            sum &+= StableHash.mix(
                path, hash(ofFile: "\(folder)/\(file.path)", file.status, upTo: longestFile))
        }
        return "folder \(sum)"
    }

    /// Beyond it a file's size and time stand for its bytes, as a folder may have thousands.
    private static let longestFile: off_t = 256 << 10

    private struct Version: Hashable {
        let device: dev_t
        let inode: ino_t
        let size: off_t
        let seconds: Int
        let nanoseconds: Int
        let isRead: Bool
    }

    /// Programs that several workloads share are read once.
    private static let known = Mutex<[Version: UInt64]>([:])

    static func hash(
        ofFile path: String, _ status: stat, upTo limit: off_t
    ) -> UInt64 {
        let version = Version(
            device: status.st_dev, inode: status.st_ino, size: status.st_size,
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec,
            isRead: status.st_size <= limit)
        let mode = UInt64(status.st_mode)
        if let hash = known.withLock({ $0[version] }) { return StableHash.mix(hash, mode) }
        var hash = StableHash.mix(
            UInt64(bitPattern: Int64(version.seconds)), UInt64(bitPattern: Int64(version.size)))
        if version.isRead, let bytes = Self.hash(ofBytesOf: path) { hash = bytes }
        known.withLock { $0[version] = hash }
        return StableHash.mix(hash, mode)
    }

    private static func hash(ofBytesOf path: String) -> UInt64? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var hash: UInt64 = 1
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count >= 0 else { return nil }
            if count == 0 { return hash }
            hash = buffer.withUnsafeBytes {
                StableHash.of(.init(rebasing: $0[..<count]), seed: hash)
            }
        }
    }

    private static func hash(_ bytes: [UInt8]) -> UInt64 { StableHash.of(bytes, seed: 7) }
}

extension WorkloadFile.Observer {
    /// Its command.
    package var words: [String] {
        switch self {
        case .command(let words), .serve(let words), .check(let words): words
        }
    }
}
