import Basics
import Glibc
import Reporting
import Workloads

/// The folder of `--out`: while it is held, no other perjury writes there; and each workload has a name of its own in it.
final class OutputFolder {
    let path: String
    private let lock: FolderLock
    private var names: [Name]

    private struct Name {
        let name: String
        let owner: String
    }

    private static let format = 1
    private static let advice = "name another folder with --out"

    /// Makes the folder where it is missing.
    init(_ path: String) throws {
        self.path = path
        do { try Files.makeFolder(path) } catch {
            throw Failure(.unavailable, "\(error); \(Self.advice)")
        }
        lock = try FolderLock(path, advice: Self.advice)
        names = try Self.names("\(path)/names.json")
    }

    // MARK: Names

    /// A name in this folder that belongs to `owner` alone, in this call and in later ones: `wanted`, or with a number
    /// behind it where that one is another's.
    func name(_ wanted: String, of owner: String) throws -> String {
        if let known = names.first(where: { $0.owner == owner }) { return known.name }
        let taken = Set(names.map(\.name))
        var name = wanted
        var number = 2
        while taken.contains(name) {
            name = "\(wanted)-\(number)"
            number += 1
        }
        names.append(Name(name: name, owner: owner))
        try Files.write(
            JSON.object([
                .init("perjuryNames", .number(Self.format)),
                .init(
                    "names",
                    .array(
                        names.map {
                            .object([
                                .init("name", .string($0.name)), .init("of", .string($0.owner)),
                            ])
                        })),
            ]).text, to: "\(path)/names.json")
        return name
    }

    /// The workload by its name in this folder.
    ///
    /// - Parameter recording: what is explored where nothing is run: one from elsewhere is not the workload's own.
    func named(
        _ workload: Workload, _ commands: FindingFile.Commands?, recording: String? = nil
    ) throws -> Workload {
        var owner = Self.owner(workload, commands)
        if let recording, let file = Files.absolute(recording) {
            let own = names.first { $0.owner == owner }
                .flatMap { Files.absolute("\(path)/recordings/\($0.name).perjury") }
            if own != file { owner += ", recording \(file)" }
        }
        return workload.named(try name(workload.name, of: owner))
    }

    /// What tells one workload from another of the same name: its folder, and its commands where it was given by them.
    static func owner(_ workload: Workload, _ commands: FindingFile.Commands?) -> String {
        guard let commands else { return workload.folder }
        let parts = [
            ("--run", commands.run), ("--observe", commands.observe), ("--setup", commands.setup),
            ("--server", commands.server),
        ]
        return workload.folder + ":"
            + parts.compactMap { option, text in
                text.map { " \(option) \(Escaped.shell($0))" }
            }.joined()
    }

    /// What an earlier call wrote; none where there is no such file.
    private static func names(_ file: String) throws -> [Name] {
        guard access(file, F_OK) == 0 else { return [] }
        let bytes = try Files.read(file, limit: JSON.largestText)
        guard let json = try? JSON(parsing: bytes), json["perjuryNames"] == .number(format),
            case .array(let items)? = json["names"]
        else {
            throw Failure(
                .unavailable, "\(file) cannot be read as the names of this folder; \(advice)")
        }
        return items.compactMap { item in
            guard case .string(let name)? = item["name"], case .string(let owner)? = item["of"]
            else { return nil }
            return Name(name: name, owner: owner)
        }
    }
}
