import ArgumentParser
import Basics
import Glibc
import HandMount
import PowerLoss
import Reporting
import Workloads

struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Mount a folder whose power `perjury ctl` cuts.",
        discussion: """
            Any program can use the mount. `perjury ctl SOCKET COMMAND` says what is at risk, cuts the power in place, lets \
            the drive lie, and injects faults: `perjury ctl --help` lists the commands, docs/mount.md what programs see.

              mkdir data && perjury mount data --detach
              perjury ctl data.ctl cut worst
              perjury ctl data.ctl quit
            """)

    @Argument(help: "An existing folder; what is in it is hidden meanwhile.")
    var folder: String

    @Option(help: "Persistence model: which of what was not synced may be lost, in which order.")
    var model = "ext4-ordered"

    @Option(help: "Durability stack.")
    var stack = "honest"

    @Option(help: "Begin with a copy of this folder. Default: empty.")
    var from: String?

    @Option(help: "Socket for `perjury ctl`, which only you can open. Default: DIR.ctl.")
    var control: String?

    @Flag(help: "Go on in the background, once the mount is there.")
    var detach = false

    @Flag(help: "Let other users see the mount, too.")
    var allowOther = false

    @Option(help: .hidden)
    var readyDescriptor: Int32?

    func run() throws {
        _ = try (Names.model(model), Names.stack(stack))
        guard let folder = Files.absolute(folder) else {
            throw Failure(.usage, "mounting on \(folder): there is no such folder; mkdir it first")
        }
        let socket = control ?? folder + ".ctl"
        if detach { return try detach(folder, socket) }
        let ready = Readiness(descriptor: readyDescriptor)
        do {
            try serve(folder, socket, ready)
        } catch {
            ready.tell("\(error)")
            throw error
        }
    }

    private func serve(_ folder: String, _ socket: String, _ ready: Readiness) throws {
        var options = HandMount.Options(folder: folder)
        options.model = try Names.model(model)
        options.stack = try Names.stack(stack)
        options.source = from
        options.allowOther = allowOther
        Interrupt.watch()
        let control: ControlSocket
        let mount: HandMount
        do {
            control = try ControlSocket(path: socket)
        } catch {
            throw Failure(.unavailable, "\(error)")
        }
        defer { control.end() }
        do {
            mount = try HandMount(options)
        } catch {
            throw Failure(.unavailable, "\(error)")
        }
        defer { mount.end() }
        mount.start()
        let quit = try WakeUp()
        control.serve { [mount] words, isGone in
            mount.answer(words, isGone: isGone) { quit.signal() }
        }
        Console.out(
            "mounted at \(Escaped.line(folder)) under \(model)/\(stack); "
                + "perjury ctl \(Escaped.shell(socket)) COMMAND\n")
        ready.tell("")
        while !mount.hasEnded && !Interrupt.isRequested {
            var waits = [Interrupt.descriptor ?? -1, quit.descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            if poll(&waits, 2, 200) > 0, waits[1].revents != 0 { break }
        }
        Console.out(mount.summary + "\n")
    }

    // MARK: In the background

    /// Starts this command again in a session of its own, and waits until it has mounted.
    private func detach(_ folder: String, _ socket: String) throws {
        var ends: DescriptorPair
        do { ends = try .pipe() } catch { throw Failure(.unavailable, "making a pipe failed") }
        var words = [
            "perjury", "mount", folder, "--model", model, "--stack", stack, "--control", socket,
            "--ready-descriptor", "3",
        ]
        if let from { words += ["--from", from] }
        if allowOther { words.append("--allow-other") }
        var child = ChildProcess(words)
        child.executable = "/proc/self/exe"
        child.environment = nil
        child.descriptors = [ends.second]
        child.isInSessionOfItsOwn = true
        let process: pid_t
        do {
            process = try child.start()
        } catch {
            throw Failure(.unavailable, "perjury does not start again")
        }
        ends.closeSecond()
        let answer = Readiness.wait(ends.takeFirst())
        guard answer == "" else {
            ChildProcess.wait(process)
            throw Failure(.unavailable, answer ?? "the mount ended before it was there")
        }
        Console.out(
            "mounted at \(Escaped.line(folder)) under \(model)/\(stack), process \(process); "
                + "perjury ctl \(Escaped.shell(socket)) COMMAND\n")
    }
}

/// How the command in the background tells the one in the foreground that it has mounted, or why not.
private struct Readiness {
    let descriptor: CInt?

    func tell(_ text: String) {
        guard let descriptor, fcntl(descriptor, F_GETFD) >= 0 else { return }
        let bytes = Array(text.utf8) + [0]
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    /// - Returns: the empty text when all is well; nil when the other died.
    static func wait(_ descriptor: consuming Descriptor) -> String? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.last != 0 {
            let count = retrying { read(descriptor.number, &buffer, buffer.count) }
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }
}

/// Wakes a thread that waits on descriptors.
private final class WakeUp: Sendable {
    private let pipe: DescriptorPair

    init() throws {
        do { pipe = try .pipe() } catch { throw Failure(.unavailable, "making a pipe failed") }
    }

    /// Readable from the first signal on.
    var descriptor: CInt { pipe.first }

    func signal() {
        var byte = UInt8(1)
        _ = write(pipe.second, &byte, 1)
    }
}
