import Basics

/// What a pack says of itself: its first member, `manifest.json`, described in `docs/formats.md`.
package struct PackManifest: Equatable, Sendable {
    package static let format = 1
    /// What its members are called; the files of the workload's folder lie below the last.
    package static let name = "manifest.json"
    package static let finding = "finding.json"
    package static let recording = "recording.perjury"
    package static func recovery(_ number: Int) -> String { "recovery-\(number).perjury" }
    package static let workload = "workload"
    /// The last member holds the hash of all before it.
    static let end = "end"

    /// Said where one is written, and in each.
    package static let warning =
        "It contains what the store had written, and programs, which replaying it starts."

    /// A file, with what tells whether it is still the same.
    package struct File: Equatable, Sendable {
        package var path: String
        package var size: UInt64
        package var hash: UInt64

        package init(path: String, size: UInt64, hash: UInt64) {
            self.path = path
            self.size = size
            self.hash = hash
        }
    }

    /// The version that packed it.
    package var perjury: String
    /// System, release and machine on which it was packed.
    package var kernel: String
    /// What the workload starts, by where it was there: those in its folder are members, too.
    package var programs: [File]
    /// What of the folder is not in the pack.
    package var leftOut: [String]
    /// All but the first and the last, in order.
    package var members: [File] = []

    package init(perjury: String, kernel: String, programs: [File], leftOut: [String]) {
        self.perjury = perjury
        self.kernel = kernel
        self.programs = programs
        self.leftOut = leftOut
    }

    package var text: String {
        JSON.object([
            .init("perjuryPack", .number(Self.format)),
            .init("perjury", .string(perjury)),
            .init("about", .string(Self.warning)),
            .init("kernel", .string(kernel)),
            .init("programs", .array(programs.map(\.json))),
            .init("leftOut", .strings(leftOut)),
            .init("members", .array(members.map(\.json))),
        ]).text
    }

    /// Nothing in it is trusted.
    package init(parsing bytes: [UInt8]) throws(PackError) {
        guard let json = try? JSON(parsing: bytes), let format = json["perjuryPack"] else {
            throw PackError("its `\(Self.name)` is none of a pack of perjury's")
        }
        guard format == .number(Self.format) else {
            throw PackError(
                "it is a pack of another format; this perjury reads format \(Self.format)")
        }
        perjury = try Self.text(json, "perjury")
        kernel = try Self.text(json, "kernel")
        programs = try Self.files(json, "programs")
        leftOut = []
        for item in try Self.list(json, "leftOut") {
            guard case .string(let text) = item else { throw Self.malformed("leftOut") }
            leftOut.append(text)
        }
        members = try Self.files(json, "members")
        try checkNames()
    }

    /// The finding, its recordings, then files of the workload's folder, each once.
    private func checkNames() throws(PackError) {
        var names: Set<String> = [Self.name, Self.end]
        var folders: Set<String> = []
        for (index, member) in members.enumerated() {
            let path = member.path
            try Self.checkPath(path)
            guard names.insert(path).inserted else {
                throw PackError("it has two members `\(path)`")
            }
            let fixed = [Self.finding, Self.recording]
            let isExpected =
                index < fixed.count
                ? path == fixed[index]
                : path == Self.recovery(index - 1) || path.hasPrefix(Self.workload + "/")
            guard isExpected else {
                throw PackError("it has a member `\(path)`, which no pack has there")
            }
            for slash in path.indices where path[slash] == "/" {
                folders.insert(String(path[..<slash]))
            }
        }
        guard members.count >= 2 else {
            throw PackError("it has no finding, or no recording of one")
        }
        if let both = names.intersection(folders).sorted().first {
            throw PackError("its member `\(both)` is a file and a folder")
        }
    }

    /// A path that leads out of the folder that it is below, or anywhere but where it says, is none.
    static func checkPath(_ path: String) throws(PackError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !path.hasPrefix("/"), !parts.contains("..") else {
            throw PackError("its member `\(path)` would leave the pack's folder")
        }
        guard !parts.contains(""), !parts.contains("."), !path.utf8.contains(0) else {
            throw PackError("its member `\(path)` is not named as a file is")
        }
    }

    private static func malformed(_ name: String) -> PackError {
        .damaged("the `\(name)` of its `\(Self.name)` is missing or makes no sense")
    }

    private static func text(_ json: JSON, _ name: String) throws(PackError) -> String {
        guard case .string(let text)? = json[name] else { throw malformed(name) }
        return text
    }

    private static func list(_ json: JSON, _ name: String) throws(PackError) -> [JSON] {
        guard case .array(let items)? = json[name] else { throw malformed(name) }
        return items
    }

    private static func files(_ json: JSON, _ name: String) throws(PackError) -> [File] {
        var files: [File] = []
        for item in try list(json, name) {
            guard case .integer(let number)? = item["size"], let size = UInt64(exactly: number),
                let hash = UInt64(try text(item, "hash"), radix: 16)
            else { throw malformed(name) }
            files.append(File(path: try text(item, "path"), size: size, hash: hash))
        }
        return files
    }
}

extension PackManifest.File {
    fileprivate var json: JSON {
        .object([
            .init("path", .string(path)), .init("size", .number(size)),
            .init("hash", .string(Escaped.hexadecimal(hash))),
        ])
    }
}
