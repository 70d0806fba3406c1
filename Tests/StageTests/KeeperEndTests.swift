import Glibc
import Stage
import SystemPackage
import Testing

/// How things end: nothing may be left, whoever dies, and whatever waits for whom.
extension KeeperTests {
    /// Says "ready" and is then as hard to end as a program can make itself.
    private static let stubborn = """
        (setsid sh -c 'trap "" TERM HUP INT; echo ready; while :; do sleep 1000; done' &)
        """

    @Test(
        "a daemon that ignores SIGTERM and has left its session dies with killAll",
        arguments: KeeperBench.kinds)
    func daemon(kind: StageKind) throws {
        let bench = try KeeperBench(kind)
        #expect(try bench.run(Self.stubborn) == .exited(status: 0))
        #expect(bench.survivors(awaiting: 1) != [])

        try bench.keeper.killAll()

        #expect(bench.survivors() == [])
        #expect(bench.childrenOfKeeper() == 0)
        try bench.end()
    }

    @Test(
        "killing the keeper, or closing it, leaves no process and no mount",
        arguments: KeeperBench.kinds, [true, false])
    func keeperDies(kind: StageKind, bySignal: Bool) throws {
        let bench = try KeeperBench(kind)
        #expect(try bench.run(Self.stubborn) == .exited(status: 0))
        // One that is not the keeper's own child, one that is, and an agent that has files open.
        _ = try bench.keeper.spawn(bench.shell("sync; exec sleep 1000"), id: Keeper.ProgramID(2))
        #expect(bench.survivors(awaiting: 2).count >= 2)

        if bySignal { kill(bench.keeper.processID, SIGKILL) } else { bench.keeper.close() }

        // The mount goes after the last process, so this waits for all.
        #expect(bench.mount.ends(withinSeconds: 2))
        #expect(bench.survivors() == [])
        bench.keeper.close()
    }

    @Test("whenever the keeper is killed while it starts a program, nothing is left")
    func keeperDiesEarly() throws {
        for step in 0..<60 {
            let bench = try KeeperBench()
            // Not to wait for anything: to come at different moments of the start.
            let killer = Killer(of: bench.keeper.processID, afterMicroseconds: UInt32(step * 60))

            _ = try? bench.run("sync; exec sleep 1000")

            killer.join()
            #expect(bench.mount.ends(withinSeconds: 2), "step \(step)")
            #expect(bench.survivors() == [], "step \(step)")
        }
    }

    @Test("a dead keeper is an error of the next call")
    func deadKeeper() throws {
        let bench = try KeeperBench()
        _ = try bench.keeper.spawn(bench.shell("exec sleep 1000"), id: Keeper.ProgramID(1))

        kill(bench.keeper.processID, SIGKILL)

        #expect(throws: KeeperError.self) {
            try bench.keeper.wait(Keeper.ProgramID(1), timeoutSeconds: 20)
        }
        #expect(throws: KeeperError.self) { try bench.keeper.killAll() }
        bench.keeper.close()
        #expect(bench.mount.ends(withinSeconds: 2))
    }

    @Test(
        "programs that wait for a frozen mount are killed first and answered then",
        arguments: KeeperBench.kinds)
    func frozen(kind: StageKind) throws {
        let bench = try KeeperBench(kind)
        let mount = bench.mount
        mount.freeze()
        let id = Keeper.ProgramID(1)
        _ = try bench.keeper.spawn(
            bench.shell("echo held; touch \(bench.keeper.runDirectory)/went-on"),
            id: id)
        #expect(mount.holds(withinSeconds: 20))

        let error = #expect(throws: KeeperError.self) {
            try bench.keeper.killAll(timeoutSeconds: 0.2)
        }
        #expect(error?.cause == .timedOut)
        var signalled = false
        try bench.keeper.killAll {
            signalled = true
            mount.releaseHeld()
        }

        #expect(signalled)
        #expect(try bench.keeper.wait(id, timeoutSeconds: 0) == .signaled(SIGKILL))
        #expect(bench.survivors() == [])
        // Same life of the scratch directory: the program did not go on after its write failed.
        try bench.keeper.unmount()
        #expect(mount.ends(withinSeconds: 2))
        bench.keeper.close()
    }

    @Test("starting a program that has to wait for the mount can be given up")
    func frozenStart() throws {
        let bench = try KeeperBench()
        let mount = bench.mount
        mount.state.withLock { $0.holdsOpens = true }
        let id = Keeper.ProgramID(1)

        let error = #expect(throws: KeeperError.self) {
            try bench.keeper.spawn(
                bench.shell("exit 0"), id: id, interruptedBy: mount.heldDescriptor)
        }
        try bench.keeper.killAll { mount.releaseHeld() }

        #expect(error?.cause == .interrupted)
        #expect(try bench.keeper.wait(id, timeoutSeconds: 0) == .signaled(SIGKILL))
        try bench.end()
    }

    @Test(
        "an agent that waits for a frozen mount does not outlive the life",
        arguments: KeeperBench.kinds)
    func frozenSync(kind: StageKind) throws {
        let bench = try KeeperBench(kind)
        let mount = bench.mount
        mount.freeze()
        _ = try bench.keeper.spawn(bench.shell("exec sync"), id: Keeper.ProgramID(1))
        #expect(mount.holds(withinSeconds: 20))

        try bench.keeper.killAll { mount.releaseHeld() }

        #expect(bench.childrenOfKeeper() == 0)
        try bench.keeper.unmount()
        #expect(mount.ends(withinSeconds: 2))
        bench.keeper.close()
    }

    @Test("unmounting under living programs is refused", arguments: KeeperBench.kinds)
    func busy(kind: StageKind) throws {
        let bench = try KeeperBench(kind)
        _ = try bench.keeper.spawn(bench.shell("exec sleep 1000"), id: Keeper.ProgramID(1))

        let error = #expect(throws: KeeperError.self) { try bench.keeper.unmount() }

        #expect(error?.cause == .resourceBusy)
        try bench.end()
    }

    @Test("200 lives leak no process and no descriptor")
    func cycles() throws {
        let bench = try KeeperBench()
        let descriptors = bench.openDescriptorsOfKeeper()
        let clock = ContinuousClock()

        let time = try clock.measure {
            for life in 1...200 {
                #expect(try bench.run(bench.shell("sync; exit 5")) == .exited(status: 5))
                #expect(bench.mount.log.count == 1, "life \(life)")
                try bench.renew()
            }
        }

        #expect(bench.openDescriptorsOfKeeper() == descriptors)
        #expect(bench.childrenOfKeeper() == 0)
        print("a life of `sh -c 'sync; exit 5'`, with its mount: \(time / 200)")
        try bench.end()
    }
}

/// A thread that kills a process after a while.
final class Killer {
    private var thread = pthread_t()

    init(of processID: CInt, afterMicroseconds delay: UInt32) {
        let order = UnsafeMutablePointer<(CInt, UInt32)>.allocate(capacity: 1)
        order.initialize(to: (processID, delay))
        pthread_create(
            &thread, nil,
            { order in
                let order = order!.assumingMemoryBound(to: (CInt, UInt32).self)
                usleep(order.pointee.1)
                kill(order.pointee.0, SIGKILL)
                order.deallocate()
                return nil
            }, order)
    }

    func join() {
        pthread_join(thread, nil)
    }
}
