import Basics
import Glibc

/// A program of a workload, or a file outside its folder that a command names.
package struct Program: Hashable, Sendable {
    package let path: String
    package let size: UInt64
    /// Of its bytes and its mode; where it is very large, of its size and time instead.
    package let hash: UInt64

    private init?(_ path: String) {
        guard let status = FolderFiles.status(path), status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        self.path = path
        size = UInt64(status.st_size)
        hash = WorkloadIdentity.hash(ofFile: path, status, upTo: Self.longest)
    }

    /// Beyond it size and time stand for the bytes.
    private static let longest: off_t = 64 << 20

    /// All that the workload starts, as far as its commands and the first lines of its scripts tell, sorted by path.
    package static func all(of workload: Workload) -> [Program] {
        let file = workload.file
        let server = file.server
        let commands = [
            file.setup, file.run, file.observer.words, server?.command, server?.ready, server?.stop,
        ].compactMap(\.self)
        let path = Surroundings.searchPath(file.environment, folder: workload.folder)
        let named = named(by: commands, folder: workload.folder, searchPath: path)
        let interpreters = named.compactMap {
            interpreter(of: $0.path).flatMap {
                try? Surroundings.find($0, folder: workload.folder, searchPath: path)
            }
        }
        return Set(named + interpreters.compactMap(Program.init)).sorted { $0.path < $1.path }
    }

    /// What the first line of a script names; behind `env`, the program that it looks for.
    private static func interpreter(of path: String) -> String? {
        guard let file = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = max(0, read(file.number, &bytes, bytes.count))
        guard bytes.starts(with: Array("#!".utf8)) else { return nil }
        let line = bytes[2..<max(2, count)].prefix { $0 != UInt8(ascii: "\n") }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
        let isEnv = words.first?.hasSuffix("/env") ?? false
        return isEnv ? words.dropFirst().first { !$0.hasPrefix("-") } : words.first
    }

    /// What the commands themselves name.
    static func named(
        by commands: [[String]], folder: String, searchPath: String
    ) -> [Program] {
        var paths: Set<String> = []
        for command in commands {
            for (index, word) in command.enumerated() {
                if index == 0 {
                    let path = try? Surroundings.find(
                        word, folder: folder, searchPath: searchPath)
                    if let path { paths.insert(path) }
                } else {
                    // A text for a shell names programs, too.
                    for name in words(in: word) {
                        if name.contains("/") {
                            paths.insert(name.hasPrefix("/") ? name : "\(folder)/\(name)")
                        } else if word.contains(" "),
                            let path = try? Surroundings.find(
                                name, folder: folder, searchPath: searchPath)
                        {
                            paths.insert(path)
                        }
                    }
                }
            }
        }
        return paths.sorted().compactMap(Program.init)
    }

    /// The whole, and what a shell may take for words in it; no more than a hundred.
    private static func words(in text: String) -> [String] {
        let parts = text.split { " \t\n;|&()<>\"'`=".contains($0) }.prefix(100)
        return [text] + parts.map(String.init).filter { $0 != text }
    }
}
