import Basics
import Glibc
import Stage
import SystemPackage
import Testing

/// A keeper with a mounted `KeeperTestMount`, and the commands tests start on it.
final class KeeperBench {
    static let isAvailable = geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0

    /// By what a bench can be made here; root can by fusermount3, too.
    static let kinds: [StageKind] =
        (try? Fusermount.path()) == nil ? [.root] : [.root, .fusermount]

    let keeper: Keeper
    private(set) var mount: KeeperTestMount
    /// In the environment of every program, so that one that got away is found in `/proc`.
    let marker: String

    private let owner: UInt32

    init(
        _ kind: StageKind = .root, keeperPath: String? = nil, owner: UInt32 = 0,
        firstProcessID: UInt32 = 0,
        namespaceNumber: UInt32 = 0
    ) throws {
        self.owner = owner
        keeper =
            kind == .fusermount
            ? try Keeper(at: RuntimePlace(), mountingBy: Fusermount.path())
            : try Keeper(kind, root: "/mnt", keeperPath: keeperPath)
        marker = "keeper-test-\(getpid())-\(keeper.processID)"
        let device = try keeper.openDevice().release()
        try keeper.mount(
            fuse: device, firstProcessID: firstProcessID, namespaceNumber: namespaceNumber)
        mount = KeeperTestMount(device: device, owner: owner)
    }

    /// As a harness does between two crash states.
    func renew() throws {
        try keeper.killAll()
        try keeper.unmount()
        #expect(mount.ends(withinSeconds: 2))
        let device = try keeper.openDevice().release()
        try keeper.mount(fuse: device)
        mount = KeeperTestMount(device: device, owner: owner)
    }

    func end() throws {
        try keeper.killAll()
        keeper.close()
        #expect(mount.ends(withinSeconds: 2))
        #expect(survivors() == [])
    }

    func path(_ name: String) -> String { keeper.dataDirectory + "/" + name }

    func shell(
        _ script: String, watchingSync: Bool = true, user: Keeper.User? = nil
    ) -> Keeper.Command {
        Keeper.Command(
            ["sh", "-c", script],
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "MARKER": marker],
            user: user, standardOutput: .path(path("out")),
            syncControl: watchingSync ? path("control") : nil)
    }

    func run(_ command: Keeper.Command, id: UInt32 = 1) throws -> Keeper.WaitResult {
        _ = try keeper.spawn(command, id: Keeper.ProgramID(id))
        return try keeper.wait(Keeper.ProgramID(id), timeoutSeconds: 20)
    }

    func run(_ script: String) throws -> Keeper.WaitResult {
        try run(shell(script))
    }

    /// Processes with the marker, anywhere on this machine.
    func survivors() -> [Int] {
        KeeperBench.processes { contents(of: "/proc/\($0)/environ").contains(marker) }
    }

    /// Survivors, once there are `count` of them, or the fewer that there are after two seconds. A process that is just
    /// executing another program has no environment to be known by.
    func survivors(awaiting count: Int) -> [Int] {
        for _ in 0..<200 where survivors().count < count { usleep(10_000) }
        return survivors()
    }

    /// Processes whose parent is the keeper, also dead ones that were not waited for.
    func childrenOfKeeper() -> Int {
        KeeperBench.processes {
            // "PID (NAME) STATE PARENT …"
            let fields = contents(of: "/proc/\($0)/stat").split(separator: ")").last ?? ""
            return fields.split(separator: " ").dropFirst().first == "\(keeper.parentOfPrograms)"
        }.count
    }

    func openDescriptorsOfKeeper() -> Int {
        KeeperBench.names(in: "/proc/\(keeper.processID)/fd").count
    }

    private static func processes(where condition: (Int) -> Bool) -> [Int] {
        names(in: "/proc").compactMap { Int($0) }.filter(condition)
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                })
        }
        return names
    }
}

/// Up to 64 KiB of a file; empty if there is none.
func contents(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
        count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// All that need `/dev/fuse` and root; one after the other, since some look at every process.
@Suite(
    "Keeper", .enabled(if: KeeperBench.isAvailable, "needs root and /dev/fuse"), .serialized,
    .timeLimit(.minutes(2)))
struct KeeperTests {
    @Test("a program's exit status comes, and its output is on the mount")
    func runs() throws {
        let bench = try KeeperBench()

        #expect(try bench.run("echo one; exit 0") == .exited(status: 0))
        #expect(try bench.run("echo two; exit 7") == .exited(status: 7))
        #expect(try bench.run("kill -USR1 $$") == .signaled(SIGUSR1))

        #expect(bench.mount.text(of: "out") == "one\ntwo\n")
        try bench.end()
    }

    @Test("a command that is not there is an error of spawn, not an exit status")
    func missingCommand() throws {
        let bench = try KeeperBench()

        let error = #expect(throws: KeeperError.self) {
            try bench.run(Keeper.Command(["no-such-program"]))
        }

        #expect(error?.cause == .noSuchFileOrDirectory)
        #expect(error?.message.contains("exec of no-such-program") == true)
        // The keeper is none the worse for it, and the name is free.
        #expect(try bench.run("exit 3") == .exited(status: 3))
        try bench.end()
    }

    @Test("a directory that is not there is named")
    func missingDirectory() throws {
        let bench = try KeeperBench()
        var command = bench.shell("exit 0")
        command.workingDirectory = "/no/such/directory"

        let error = #expect(throws: KeeperError.self) { try bench.run(command) }

        #expect(error?.cause == .noSuchFileOrDirectory)
        #expect(error?.message.contains("/no/such/directory") == true)
        try bench.end()
    }

    @Test("arguments and environment of 120 KiB arrive whole; longer ones are refused")
    func longArguments() throws {
        let bench = try KeeperBench()
        var command = bench.shell("echo ${#LONG}; echo $1 | wc -c")
        command.environment["LONG"] = String(repeating: "e", count: 60_000)
        command.arguments += ["sh", String(repeating: "a", count: 60_000)]

        #expect(try bench.run(command) == .exited(status: 0))

        #expect(bench.mount.text(of: "out") == "60000\n60001\n")
        command.arguments += [String(repeating: "b", count: 100_000)]
        let error = #expect(throws: KeeperError.self) { try bench.run(command) }
        #expect(error?.cause == .argListTooLong)
        try bench.end()
    }

    @Test("user, groups, descriptors and CPU are what was asked for")
    func identity() throws {
        let bench = try KeeperBench()
        let pipe = Pipe()
        let user = Keeper.User(userID: 1234, groupID: 2345, supplementaryGroups: [3456])
        var command = bench.shell("id -u; id -g; id -G; cat; echo oops >&2; nproc", user: user)
        command.standardInput = open("/proc/sys/kernel/ostype", O_RDONLY | O_CLOEXEC)
        command.standardError = pipe.writeEnd
        command.processors = [0]

        #expect(try bench.run(command) == .exited(status: 0))

        close(command.standardInput!)
        #expect(bench.mount.text(of: "out") == "1234\n2345\n2345 3456\nLinux\n1\n")
        #expect(pipe.read() == "oops\n")
        try bench.end()
    }

    @Test("programs inherit nothing else")
    func descriptors() throws {
        let bench = try KeeperBench()

        #expect(try bench.run("ls /proc/self/fd") == .exited(status: 0))

        // 3 is the directory that ls reads.
        #expect(bench.mount.text(of: "out") == "0\n1\n2\n3\n")
        try bench.end()
    }

    @Test("programs see /proc and numbers of their own, from the number that was given")
    func ownNumbers() throws {
        let bench = try KeeperBench(firstProcessID: 5000)

        #expect(try bench.run("echo $$; cat /proc/$$/comm; cat /proc/1/comm") == .exited(status: 0))

        #expect(bench.mount.text(of: "out") == "5000\nsh\nperjury-init\n")
        try bench.end()
    }

    @Test("the number of a pid namespace that somebody else has is not waited for without end")
    func takenNumber() throws {
        let other = try KeeperBench()
        #expect(try other.run("true") == .exited(status: 0))
        let number = other.keeper.namespaceNumber
        let bench = try KeeperBench(namespaceNumber: number)

        let start = MonotonicClock.seconds
        let error = #expect(throws: KeeperError.self) { try bench.run("true") }
        #expect(MonotonicClock.seconds - start < 10)
        #expect(error?.description.contains("the pid namespace's number \(number)") == true)

        try other.end()
        #expect(try bench.run("true") == .exited(status: 0))
        #expect(bench.keeper.namespaceNumber == number)
        try bench.end()
    }

    @Test("a user without privileges has all of it, and owns what it makes")
    func unprivileged() throws {
        // Stands in for such a user's machine: a /dev/fuse that all may open, in a mount namespace of its
        // own, and a keeper that everybody can read.
        let user = """
            mount -t tmpfs tmpfs /media && cp "$KEEPER" /media/keeper && chmod 755 /media /media/keeper &&
            mknod -m 666 /media/fuse c 10 229 && mount --bind /media/fuse /dev/fuse &&
            exec setpriv --reuid=1234 --regid=1234 --clear-groups --inh-caps=-all /media/keeper "$@"
            """
        let script = "/tmp/keeper-test-\(getpid())"
        let keeper = try Keeper.executablePath()
        let text =
            "#!/bin/sh\nexport KEEPER='\(keeper)'\nexec unshare -m sh -c '\(user)' sh \"$@\"\n"
        let descriptor = open(script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o755)
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
        close(descriptor)
        defer { unlink(script) }
        let bench = try KeeperBench(.userNamespace, keeperPath: script, owner: 1234)

        let list =
            "id -u; grep CapEff /proc/self/status; touch /mnt/run/a; stat -c %u:%g /mnt/run/a"
        #expect(try bench.run(list + "; sync; sync -f /tmp") == .exited(status: 0))
        #expect(bench.mount.text(of: "out") == "1234\nCapEff:\t0000000000000000\n1234:1234\n")
        #expect(bench.mount.log.filter { $0.hasPrefix("control: sync ") }.count == 1)
        try bench.renew()
        #expect(try bench.run("exit 4") == .exited(status: 4))
        try bench.end()
    }

    @Test("a signal reaches the program, and nothing when it has ended")
    func signal() throws {
        let bench = try KeeperBench()
        let id = Keeper.ProgramID(9)
        _ = try bench.keeper.spawn(bench.shell("exec sleep 1000"), id: id)

        #expect(try bench.keeper.wait(id, timeoutSeconds: 0.05) == .timedOut)
        try bench.keeper.signal(id, SIGTERM)

        #expect(try bench.keeper.wait(id, timeoutSeconds: 20) == .signaled(SIGTERM))
        try bench.keeper.signal(id, SIGTERM)
        try bench.end()
    }

    @Test("waiting is interrupted by a descriptor")
    func interrupted() throws {
        let bench = try KeeperBench()
        let id = Keeper.ProgramID(1)
        let event = Pipe()
        event.signal()
        _ = try bench.keeper.spawn(bench.shell("exec sleep 1000"), id: id)

        let result = try bench.keeper.wait(id, timeoutSeconds: 20, interruptedBy: event.readEnd)

        #expect(result == .interrupted)
        try bench.end()
    }

    @Test("scratch of one life is not there in the next, and two keepers do not see each other's")
    func scratch() throws {
        let bench = try KeeperBench()
        let other = try KeeperBench()
        let list = "ls -A \(bench.keeper.runDirectory) /mnt"

        #expect(try bench.run("touch /mnt/run/left /mnt/left; \(list)") == .exited(status: 0))
        #expect(bench.mount.text(of: "out") == "/mnt:\ndata\nleft\nrun\n\n/mnt/run:\nleft\n")
        #expect(try other.run(list) == .exited(status: 0))
        #expect(other.mount.text(of: "out") == "/mnt:\ndata\nrun\n\n/mnt/run:\n")
        try bench.renew()
        #expect(try bench.run(list) == .exited(status: 0))
        #expect(bench.mount.text(of: "out") == "/mnt:\ndata\nrun\n\n/mnt/run:\n")

        #expect(access("/mnt/run", F_OK) != 0)
        try bench.end()
        try other.end()
    }

    @Test("shared memory of one life is not there in the next, nor anywhere else")
    func sharedMemory() throws {
        let bench = try KeeperBench()
        let other = try KeeperBench()
        let outside = contents(of: "/proc/sysvipc/shm")
        let list =
            "ls -A /dev/shm; for kind in shm sem msg; do sed 1d /proc/sysvipc/$kind; done | wc -l"
        let make = "echo 1 >/dev/shm/left; for kind in -M1 -S1 -Q; do ipcmk $kind; done >/dev/null"

        for _ in 0..<2 {
            #expect(try bench.run(list) == .exited(status: 0))
            #expect(bench.mount.text(of: "out") == "0\n")
            #expect(try bench.run(bench.shell("\(make); \(list)"), id: 2) == .exited(status: 0))
            #expect(bench.mount.text(of: "out") == "0\nleft\n3\n")
            try bench.renew()
        }
        #expect(try bench.run("ipcmk -S1 >/dev/null; \(list)") == .exited(status: 0))
        #expect(bench.mount.text(of: "out") == "1\n")
        try bench.renew()
        #expect(try bench.run(list) == .exited(status: 0))
        #expect(bench.mount.text(of: "out") == "0\n")
        #expect(try other.run(list) == .exited(status: 0))
        #expect(other.mount.text(of: "out") == "0\n")
        #expect(contents(of: "/proc/sysvipc/shm") == outside)
        #expect(access("/dev/shm/left", F_OK) != 0)

        try bench.end()
        try other.end()
    }
}
