import Glibc
import Stage
import SystemPackage
import Testing

/// The stage without namespaces, where the kernel takes nothing away by itself.
@Suite(
    "Fusermount", .serialized, .timeLimit(.minutes(2)),
    .enabled(
        if: KeeperBench.isAvailable && KeeperBench.kinds.contains(.fusermount),
        "needs root, /dev/fuse and fusermount3"))
struct FusermountTests {
    @Test("a life: status, output, sync(2), scratch that the next one does not find")
    func life() throws {
        let bench = try KeeperBench(.fusermount)
        let run = bench.keeper.runDirectory
        let list = "ls -A \(run) \(run)/.."

        let make = "mkdir -p \(run)/a/b && touch \(run)/a/b/c && chmod 0 \(run)/a; sync; exit 7"
        #expect(try bench.run(make) == .exited(status: 7))
        #expect(bench.mount.log.filter { $0.hasPrefix("control: sync ") }.count == 1)
        try bench.renew()
        #expect(try bench.run(list) == .exited(status: 0))
        #expect(bench.mount.text(of: "out") == "\(run):\n\n\(run)/..:\ndata\nrun\n")

        let place = String(run.dropLast("/run".count))
        try bench.end()
        #expect(access(place, F_OK) != 0)
    }

    @Test("two keepers have two places, and a place that is asked for is the only one taken")
    func places() throws {
        let bench = try KeeperBench(.fusermount)
        let other = try KeeperBench(.fusermount)
        let place = String(bench.keeper.runDirectory.dropLast("/run".count))
        #expect(bench.keeper.dataDirectory != other.keeper.dataDirectory)

        #expect(throws: HarnessError.self) { try Self.take(place) }
        try bench.end()
        try Self.take(place)

        try other.end()
        rmdir(place)
    }

    private static func take(_ place: String) throws {
        let taken = try RuntimePlace(place)
        #expect(taken.path == place)
    }

    @Test("whoever is killed while a program starts, keeper or guard, nothing is left")
    func killed() throws {
        for step in 0..<40 {
            let bench = try KeeperBench(.fusermount)
            let keeper = bench.keeper
            let place = String(keeper.runDirectory.dropLast("/run".count))
            let victim = step % 2 == 0 ? keeper.processID : keeper.parentOfPrograms
            #expect(keeper.processID != keeper.parentOfPrograms)
            let killer = Killer(of: victim, afterMicroseconds: UInt32(step * 100))

            _ = try? bench.run("(setsid sleep 1000 &); sync; exec sleep 1000")

            killer.join()
            #expect(bench.mount.ends(withinSeconds: 2), "step \(step)")
            #expect(bench.survivors() == [], "step \(step)")
            for _ in 0..<200 where access(place, F_OK) == 0 { usleep(10_000) }
            #expect(access(place, F_OK) != 0, "step \(step)")
        }
    }

    @Test("a place that a dead keeper and its guard have left mounted is cleaned for the next one")
    func stale() throws {
        let bench = try KeeperBench(.fusermount)
        let keeper = bench.keeper
        // Stopped, so that neither sees the other's end.
        kill(keeper.processID, SIGSTOP)
        kill(keeper.parentOfPrograms, SIGKILL)
        kill(keeper.processID, SIGKILL)
        let place = String(keeper.runDirectory.dropLast("/run".count))
        #expect(access(place, F_OK) == 0)

        for _ in 0..<200 where (try? Self.take(place)) == nil { usleep(10_000) }
        let next = try Keeper(at: RuntimePlace(place), mountingBy: Fusermount.path())

        #expect(bench.mount.ends(withinSeconds: 2))
        #expect(next.runDirectory == keeper.runDirectory)
        next.close()
        keeper.close()
        #expect(access(place, F_OK) != 0)
    }

    @Test(
        "shared memory of System V that programs leave is not there in the next life; others' stays"
    )
    func sharedMemory() throws {
        let own = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600)
        defer { shmctl(own, IPC_RMID, nil) }
        let before = contents(of: "/proc/sysvipc/shm").split(separator: "\n").count
        let bench = try KeeperBench(.fusermount)
        #expect(try bench.run("exec ipcmk -M1") == .exited(status: 0))
        #expect(contents(of: "/proc/sysvipc/shm").split(separator: "\n").count == before + 1)

        try bench.renew()

        #expect(contents(of: "/proc/sysvipc/shm").split(separator: "\n").count == before)
        #expect(contents(of: "/proc/sysvipc/shm").contains(" \(own) "))
        try bench.end()
    }

    @Test("the number of another pid namespace is refused, which a store has seen")
    func number() throws {
        let bench = try KeeperBench(.fusermount, namespaceNumber: 1)

        let error = #expect(throws: KeeperError.self) { try bench.run("true") }

        #expect(error?.description.contains("the pid namespace's number 1") == true)
        try bench.end()
    }
}
