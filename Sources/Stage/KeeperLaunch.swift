import Basics
import Glibc
import SystemPackage

// Finding and starting the keeper's executable.
extension Keeper {
    /// Where the keeper's executable is: `PERJURY_KEEPER` if it is set; else where perjury's programs are.
    package static func executablePath() throws(KeeperError) -> String {
        if let path = getenv("PERJURY_KEEPER") { return String(cString: path) }
        guard let programs = Installation.programs else {
            throw KeeperError(
                "perjury-keeper is in none of \(Installation.places.joined(separator: ", "))",
                cause: .noSuchFileOrDirectory,
                advice:
                    "install it there, set PERJURY_KEEPER to its path, or let the test target depend on the "
                    + "product perjury-keeper")
        }
        return "\(programs)/perjury-keeper"
    }

    /// Starts the executable with one end of a new socket as its fd 3, what is passed from fd 4 on, and nothing else.
    ///
    /// Every descriptor of the harness is expected to be close-on-exec; the keeper closes what is not.
    static func launch(
        _ path: String, _ arguments: [String], passing descriptors: [CInt]
    ) throws(KeeperError) -> (processID: pid_t, socket: CInt) {
        var ends: DescriptorPair
        do throws(Errno) {
            ends = try .sockets(SOCK_SEQPACKET)
        } catch {
            throw KeeperError("making the socket to the keeper", cause: error)
        }
        // Nothing of the environment: the keeper reads none, and programs get their own.
        var child = ChildProcess([path] + arguments)
        child.descriptors = [ends.second] + descriptors
        child.resetsSignals = true
        do throws(Errno) {
            return (try child.start(), ends.takeFirst().release())
        } catch {
            throw KeeperError("starting \(path)", cause: error)
        }
    }

    static func advice(_ kind: StageKind, root: String) -> String {
        kind == .root
            ? "\(root) must be an existing directory, and root needs CAP_SYS_ADMIN: in Docker, "
                + "--cap-add SYS_ADMIN --device /dev/fuse --security-opt apparmor=unconfined"
            : "\(root) must be an existing directory; run as root, or allow user namespaces "
                + "(kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
    }

    /// What cannot be said in a SPAWN, before it is sent.
    static func check(_ command: Command) throws(KeeperError) {
        guard let program = command.arguments.first else {
            throw KeeperError("a command without a program", cause: .invalidArgument)
        }
        var texts = command.arguments + [command.workingDirectory, command.syncControl ?? ""]
        if case .path(let path) = command.standardOutput { texts.append(path) }
        for (name, value) in command.environment { texts += [name, value] }
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw KeeperError(
                "starting \(program): a NUL byte in its arguments or environment",
                cause: .invalidArgument)
        }
        let groups = command.user?.supplementaryGroups.count ?? 0
        guard groups <= 64, command.processors.allSatisfy({ $0 >= 0 && $0 < 1024 }) else {
            throw KeeperError(
                "starting \(program): more than 64 groups, or a CPU that is not one of 0..<1024",
                cause: .invalidArgument)
        }
    }
}
