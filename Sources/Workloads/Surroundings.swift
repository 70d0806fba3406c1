import Basics
import Glibc
import Stage

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
    /// What the workload sets beside the variables of every program, and in place of PATH, HOME, TMPDIR and LANG.
    var environment: [EnvironmentVariable] = []

    /// - Throws: when there is no such program, or a variable of the caller's is not set.
    func resolve(_ command: [String]) throws -> ResolvedCommand {
        precondition(!command.isEmpty, "the workload file was checked")
        var variables = [
            "PERJURY_DIR": dataDirectory, "PERJURY_RUN": runDirectory, "PERJURY_WORKLOAD": folder,
            "PERJURY_SEED": "\(seed)", "PERJURY_LIFE": "\(life)",
        ]
        if !mounts.isEmpty { variables["PERJURY_MOUNTS"] = mounts.joined(separator: " ") }
        var given = variables
        given["PATH"] = Self.searchPath()
        given["HOME"] = runDirectory
        given["TMPDIR"] = runDirectory
        given["LANG"] = "C.UTF-8"
        for variable in environment {
            given[variable.name] = Self.substitute(variables, in: try Self.value(of: variable))
        }
        var arguments = command.map { [variables] in Self.substitute(variables, in: $0) }
        do {
            arguments[0] = try Self.find(
                arguments[0], folder: folder, searchPath: given["PATH"] ?? "")
        } catch {
            throw HarnessError(
                [error.description, droppedVariables()].compactMap(\.self)
                    .joined(separator: "; "))
        }
        if let clock { given.merge(clock.environment) { $1 } }
        return ResolvedCommand(
            arguments: arguments, environment: given, workingDirectory: folder, user: user)
    }

    private static func value(of variable: EnvironmentVariable) throws -> String {
        if let value = variable.value { return value }
        guard let own = getenv(variable.name) else {
            throw HarnessError(
                "the variable \(variable.name) is to be passed on and is not set; set it, or write "
                    + "\(variable.name)=VALUE")
        }
        return String(cString: own)
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

    /// Where programs are looked for: as the workload's own PATH says, else among the programs that come with the package,
    /// then as the caller's does.
    static func searchPath(
        _ environment: [EnvironmentVariable] = [], folder: String = ""
    ) -> String {
        if let own = environment.last(where: { $0.name == "PATH" })?.value {
            return own.replacing("$PERJURY_WORKLOAD", with: folder)
        }
        let inherited = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return Installation.programs.map { "\($0):\(inherited)" } ?? inherited
    }

    /// - Throws: when there is no such program in the workload's folder, among the package's, or in PATH.
    static func find(
        _ program: String, folder: String, searchPath: String = Surroundings.searchPath()
    ) throws(HarnessError) -> String {
        if program.hasPrefix("/") {
            guard access(program, X_OK) == 0 else {
                throw missing(program, "there is no such program")
            }
            return program
        }
        let local = "\(folder)/\(program)"
        if access(local, F_OK) == 0, !isFolder(local) {
            guard access(local, X_OK) == 0 else {
                throw missing(program, "\(local) is not executable: chmod +x it")
            }
            return local
        }
        if !program.contains("/") {
            for place in searchPath.split(separator: ":") {
                let path = "\(place)/\(program)"
                if access(path, X_OK) == 0, !isFolder(path) { return path }
            }
        }
        throw missing(program, "it is neither in the workload's folder \(folder) nor in PATH")
    }

    private static func missing(_ program: String, _ why: String) -> HarnessError {
        HarnessError("looking for the program `\(program)`: \(why)")
    }
}
