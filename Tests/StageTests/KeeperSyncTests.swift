import Glibc
import Stage
import Testing

/// sync(2) and syncfs(2), which the kernel does not tell a FUSE server.
extension KeeperTests {
    @Test("sync() reaches the control file with the caller's number, and answers 0")
    func sync() throws {
        let bench = try KeeperBench()

        let spawned = try bench.keeper.spawn(bench.shell("exec sync"), id: Keeper.ProgramID(1))

        #expect(spawned.syncSeen)
        let result = try bench.keeper.wait(Keeper.ProgramID(1), timeoutSeconds: 20)
        #expect(result == .exited(status: 0))
        #expect(bench.mount.text(of: "control") == "sync \(spawned.processID)\n")
        try bench.end()
    }

    @Test(
        "it stands between the writes before and after it, also from a grandchild of another user")
    func order() throws {
        let bench = try KeeperBench()
        let user = Keeper.User(userID: 1234, groupID: 1234)
        let script = "echo before; (sync); echo after"

        #expect(try bench.run(bench.shell(script, user: user)) == .exited(status: 0))

        let words = bench.mount.log.map {
            $0.split(separator: " ").prefix(2).joined(separator: " ")
        }
        #expect(words == ["out: before", "control: sync", "out: after"])
        try bench.end()
    }

    @Test("syncfs() of the mount is seen, of another filesystem not")
    func syncfs() throws {
        let bench = try KeeperBench()

        #expect(try bench.run("sync -f /mnt/run && sync -f /tmp") == .exited(status: 0))
        #expect(bench.mount.log == [])
        #expect(try bench.run("sync -f \(bench.path("data"))") == .exited(status: 0))

        #expect(bench.mount.log.count == 1)
        #expect(bench.mount.text(of: "control").hasPrefix("sync "))
        try bench.end()
    }

    @Test(
        "what was stored by mmap arrives before the sync",
        .enabled(if: access("/usr/bin/python3", X_OK) == 0, "needs python3"))
    func mapped() throws {
        let bench = try KeeperBench()
        let script = """
            import mmap, os
            file = os.open('\(bench.path("data"))', os.O_RDWR)
            os.pwrite(file, b'x' * 4096, 0)
            memory = mmap.mmap(file, 4096)
            memory[0:7] = b'stored\\0'
            os.sync()
            os.pwrite(file, b'end\\0', 0)
            os._exit(0)
            """
        var command = bench.shell("")
        command.arguments = ["/usr/bin/python3", "-c", script]

        #expect(try bench.run(command) == .exited(status: 0))

        let log = bench.mount.log.map { $0.hasPrefix("control: sync") ? "sync" : $0 }
        #expect(log.dropFirst() == ["data: stored", "sync", "data: end"])
        try bench.end()
    }

    @Test("a program that is not watched starts without a filter")
    func unwatched() throws {
        let bench = try KeeperBench()
        let script = "grep -c '^Seccomp_filters:.0' /proc/self/status"

        let spawned = try bench.keeper.spawn(
            bench.shell(script, watchingSync: false), id: Keeper.ProgramID(1))

        #expect(!spawned.syncSeen)
        let result = try bench.keeper.wait(Keeper.ProgramID(1), timeoutSeconds: 20)
        #expect(result == .exited(status: 0))
        try bench.end()
    }

    @Test("where the filter cannot be set, the program starts all the same and spawn says so")
    func noFilter() throws {
        // A process that is watched cannot be watched a second time. So: a keeper that is itself started,
        // watched, by another.
        let outer = try KeeperBench()
        let keeper = try Keeper.executablePath()
        let inner = Pipe(type: SOCK_SEQPACKET)
        var command = outer.shell("exec 3<&0; exec \(keeper) root /mnt")
        command.standardInput = inner.writeEnd
        _ = try outer.keeper.spawn(command, id: Keeper.ProgramID(1))
        let socket = KeeperSocket(owning: dup(inner.readEnd))
        _ = try socket.receive(by: KeeperDeadline(secondsFromNow: 20))

        try socket.send(
            KeeperProtocol.Request(
                spawning: Keeper.Command(["/bin/true"], syncControl: "/mnt/run/control"),
                id: Keeper.ProgramID(1), tag: 1))

        guard case .answer(let answer) = try socket.receive(by: KeeperDeadline(secondsFromNow: 20))
        else {
            Issue.record("no answer")
            return
        }
        #expect(answer.error == 0)
        #expect(!answer.syncSeen)
        #expect(answer.text.contains("seccomp filter"))
        try outer.end()
    }
}
