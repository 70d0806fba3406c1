import CSupport
import Glibc

/// A command of a workload with its program found and its environment made.
struct ResolvedCommand {
    var arguments: [String]
    var environment: [String: String]
    var workingDirectory: String
    var user: Keeper.User?
}

/// Finds programs and makes their surroundings, for one workload on one keeper.
struct Surroundings {
    let folder: String
    let dataDirectory: String
    let runDirectory: String
    let seed: UInt64
    let user: Keeper.User?
    var life = 0
    var mounts: [String] = []
    var clock: LaterClock?

    /// - Throws: when there is no such program.
    func resolve(_ command: [String]) throws -> ResolvedCommand {
        precondition(!command.isEmpty, "the workload file was checked")
        var variables = [
            "PERJURY_DIR": dataDirectory, "PERJURY_RUN": runDirectory, "PERJURY_WORKLOAD": folder,
            "PERJURY_SEED": "\(seed)", "PERJURY_LIFE": "\(life)",
        ]
        if !mounts.isEmpty { variables["PERJURY_MOUNTS"] = mounts.joined(separator: " ") }
        var arguments = command.map { [variables] in Self.substitute(variables, in: $0) }
        arguments[0] = try Self.find(arguments[0], folder: folder)
        var environment = variables
        environment["PATH"] = Self.searchPath
        environment["HOME"] = runDirectory
        environment["TMPDIR"] = runDirectory
        environment["LANG"] = "C.UTF-8"
        if let clock { environment.merge(clock.environment) { $1 } }
        return ResolvedCommand(
            arguments: arguments, environment: environment, workingDirectory: folder, user: user)
    }

    /// Only these variables, and only as `$NAME`: nothing here reaches a shell.
    private static func substitute(_ variables: [String: String], in argument: String) -> String {
        guard argument.contains("$PERJURY_") else { return argument }
        var result = ""
        var rest = argument[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let name = rest[rest.index(after: dollar)...].prefix { $0.isLetter || $0 == "_" }
            if let value = variables[String(name)] {
                result += value
            } else {
                result += "$" + name
            }
            rest = rest[rest.index(after: dollar)...].dropFirst(name.count)
        }
        return result + rest
    }

    /// The programs that come with the package, then the caller's own.
    static var searchPath: String {
        let inherited = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return products.map { "\($0):\(inherited)" } ?? inherited
    }

    /// The folder of the executable that runs this code.
    static var products: String? {
        guard let image = perjury_image_path() else { return nil }
        // Without a folder it is an argv[0] that was found in PATH.
        let isPlain = strchr(image, CInt(UInt8(ascii: "/"))) == nil
        let place = isPlain ? "/proc/self/exe" : String(cString: image)
        guard let real = realpath(place, nil) else { return nil }
        defer { free(real) }
        let path = String(cString: real)
        return path.lastIndex(of: "/").map { slash in
            let folder = String(path[..<slash])
            // A test bundle may lie in a folder of its own.
            return folder
        }
    }

    /// - Throws: when there is no such program in the workload's folder, among the package's, or in PATH.
    static func find(_ program: String, folder: String) throws -> String {
        if program.hasPrefix("/") {
            guard access(program, X_OK) == 0 else {
                throw missing(program, "there is no such program")
            }
            return program
        }
        let local = "\(folder)/\(program)"
        if access(local, F_OK) == 0, !isDirectory(local) {
            guard access(local, X_OK) == 0 else {
                throw missing(program, "\(local) is not executable: chmod +x it")
            }
            return local
        }
        if !program.contains("/") {
            for place in searchPath.split(separator: ":") {
                let path = "\(place)/\(program)"
                if access(path, X_OK) == 0, !isDirectory(path) { return path }
            }
        }
        throw missing(program, "it is neither in the workload's folder \(folder) nor in PATH")
    }

    private static func missing(_ program: String, _ why: String) -> HarnessError {
        HarnessError("looking for the program `\(program)`: \(why)")
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
