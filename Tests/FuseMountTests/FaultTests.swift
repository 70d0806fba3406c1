import CTestSupport
import Dispatch
import FileTree
import FuseMount
import Glibc
import Recording
import Synchronization
import Testing

import struct SystemPackage.Errno

/// A mount on which requests meet faults; checks that the records give the live tree.
private func withFaults(
    _ rules: [(FaultPlan.Effect, String, FaultPlan.Occurrence)],
    _ failure: SyncFailure = .markedClean, _ body: (TestMount) throws -> Void
) throws {
    var options = MountOptions()
    options.isWatched = true
    options.syncFailure = failure
    let mount = try TestMount(options: options)
    defer { mount.close() }
    var plan = FaultPlan()
    for (effect, operations, occurrence) in rules {
        _ = plan.add(effect, OperationSet(operations)!, .everything, occurrence)
    }
    let shared = Mutex(plan)
    mount.server.setInterceptor { request in
        guard request.moment == .before,
            let rule = shared.withLock({
                $0.verdict(request.kind, request.paths, time: request.time, used: request.usedBytes)
            })
        else { return .proceed }
        return .fault(rule.effect)
    }
    try body(mount)
    var live = mount.server.tree
    let recording = mount.server.recording()
    var replayed = try recording.tree(after: recording.count)
    #expect(replayed.settle() == live.settle(), "the records give the live tree")
    #expect(mount.server.failure == nil)
}

private let inputOutputError = FaultPlan.Effect.fail(.ioError, name: "EIO")

private func bytes(_ letter: Character, _ count: Int) -> [UInt8] {
    [UInt8](repeating: letter.asciiValue!, count: count)
}

extension MountTests {
    @Suite("Faults", .serialized)
    struct Faults {
        /// Opens `f`, makes a block of O durable, writes N over it and one block of N behind it.
        private func write(_ mount: TestMount, _ body: (CInt) throws -> Void) throws {
            try withFile(mount["f"]) { (file) throws in
                try writeAll(file, bytes("O", 4096), at: 0)
                try check(fsync(file))
                try writeAll(file, bytes("N", 8192), at: 0)
                try body(file)
            }
        }

        private func fails(_ failure: SyncFailure, _ body: (TestMount) throws -> Void) throws {
            try withFaults([(inputOutputError, "sync", .nth(2))], failure, body)
        }

        @Test("a failed sync whose pages are marked clean: the error once, the new bytes stay")
        func markedClean() throws {
            try fails(.markedClean) { (mount) throws in
                try write(mount) { (file) throws in
                    #expect(failure(fdatasync(file)) == .ioError)
                    #expect(try read(file, 8192) == bytes("N", 8192))
                    #expect(failure(fdatasync(file)) == nil)
                    #expect(mount.log.suffix(2) == ["EIO fdatasync f", "fdatasync i2"])
                }
            }
        }

        @Test("every descriptor that was open gets the error once, others do not")
        func everyDescriptor() throws {
            try fails(.markedClean) { (mount) throws in
                try write(mount) { (file) throws in
                    try withFile(mount["f"]) { (other) throws in
                        #expect(failure(fsync(file)) == .ioError)
                        try withFile(mount["f"]) { (late) throws in
                            #expect(failure(fsync(late)) == nil)
                        }
                        #expect(failure(fsync(other)) == .ioError)
                        #expect(failure(fsync(other)) == nil)
                        #expect(failure(fsync(file)) == nil)
                    }
                }
            }
        }

        @Test("pages that are evicted: the program reads the old bytes, within the new size")
        func evicted() throws {
            try fails(.evicted) { (mount) throws in
                try write(mount) { (file) throws in
                    #expect(failure(fsync(file)) == .ioError)
                    #expect(
                        try read(file, 8192) == bytes("O", 4096)
                            + [UInt8](repeating: 0, count: 4096))
                    #expect(status(file).st_size == 8192)
                }
            }
        }

        @Test("reported late: success first, then the error, and nothing is written by that sync")
        func reportedLate() throws {
            try fails(.reportedLate) { (mount) throws in
                try write(mount) { (file) throws in
                    #expect(failure(fsync(file)) == nil)
                    #expect(try read(file, 8192) == bytes("N", 8192))
                    #expect(failure(fsync(file)) == .ioError)
                    #expect(failure(fsync(file)) == nil)
                    #expect(
                        mount.log.suffix(3) == [
                            "EIO fsync f", "the error of an earlier sync fsync f", "fsync i2",
                        ])
                }
            }
        }

        @Test("reverted: content, size and time go back to the last sync")
        func reverted() throws {
            try fails(.reverted) { (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    try writeAll(file, bytes("O", 4096), at: 0)
                    try check(fsync(file))
                    let before = status(file)
                    try writeAll(file, bytes("N", 8192), at: 0)
                    #expect(failure(fsync(file)) == .ioError)
                    #expect(try read(file, 8192) == bytes("O", 4096))
                    let after = status(file)
                    #expect(after.st_size == 4096)
                    #expect(after.st_mtim.tv_sec == before.st_mtim.tv_sec)
                    #expect(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
                }
            }
        }

        @Test("a synchronous write fails by the sync that it implies")
        func synchronousWrite() throws {
            try withFaults([(inputOutputError, "osync", .nth(1))]) { (mount) throws in
                try withFile(mount["f"], O_RDWR | O_CREAT | O_DSYNC) { (file) throws in
                    #expect(failure(pwrite(file, bytes("N", 10), 10, 0)) == .ioError)
                    #expect(try read(file, 10) == bytes("N", 10))
                }
            }
        }

        @Test("errors: nothing is done, and the record says what was asked")
        func errors() throws {
            try withFaults([
                (.fail(.noSpace, name: "ENOSPC"), "write", .nth(1)),
                (.fail(.readOnlyFileSystem, name: "EROFS"), "rename", .every),
            ]) { (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    #expect(failure(pwrite(file, bytes("N", 10), 10, 0)) == .noSpace)
                    #expect(status(file).st_size == 0)
                    try writeAll(file, bytes("N", 10), at: 0)
                    #expect(failure(rename(mount["f"], mount["g"])) == .readOnlyFileSystem)
                    #expect(
                        mount.log.suffix(3) == [
                            "ENOSPC write f", "write i2 0+10 call", "EROFS rename f",
                        ])
                }
            }
        }

        @Test("an interrupted sync takes nothing away")
        func interrupted() throws {
            try withFaults([(.fail(.interrupted, name: "EINTR"), "fsync", .nth(1))], .reverted) {
                (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    try writeAll(file, bytes("N", 10), at: 0)
                    #expect(failure(fsync(file)) == .interrupted)
                    #expect(try read(file, 10) == bytes("N", 10))
                }
            }
        }

        @Test("short writes take what they say")
        func short() throws {
            try withFaults([(.shorten(to: 100), "write", .nth(1))]) { (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    #expect(pwrite(file, bytes("N", 5000), 5000, 0) == 100)
                    #expect(status(file).st_size == 100)
                    #expect(try read(file, 5000) == bytes("N", 100))
                    #expect(mount.log.suffix(2) == ["write i2 0+100 call", "short 100 write f"])
                }
            }
        }

        @Test("full: no write fits until something is deleted")
        func full() throws {
            let full = FaultPlan.Occurrence.beyond(bytes: 12_288, text: "beyond 12KiB")
            try withFaults([(.fail(.noSpace, name: "ENOSPC"), "write", full)]) { (mount) throws in
                try put(mount["a"], "1")
                try put(mount["b"], "2")
                try withFile(mount["f"]) { (file) throws in
                    try writeAll(file, bytes("N", 10), at: 0)
                    #expect(failure(pwrite(file, bytes("N", 10), 10, 0)) == .noSpace)
                    try check(unlink(mount["a"]))
                    try writeAll(file, bytes("M", 10), at: 0)
                }
            }
        }

        @Test("a time window is open between its ends")
        func window() {
            var plan = FaultPlan()
            _ = plan.add(
                inputOutputError, OperationSet("write")!, .everything,
                .during(10..<20, text: "after 10ns for 10ns"))
            let fires = [9, 10, 19, 20].map {
                plan.verdict(.write, ["f"], time: $0, used: 0) != nil
            }
            #expect(fires == [false, true, true, false])
            #expect(plan.rules[0].matched == 4 && plan.rules[0].fired == 2)
        }

        @Test("what is read is another bit, or another block's bytes; the file stays as it is")
        func corruption() throws {
            try withFaults([(.flip, "read", .nth(1)), (.misplace, "read", .nth(2))]) {
                (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    try writeAll(file, bytes("A", 4096) + bytes("B", 4096), at: 0)
                }
                // Past the page cache.
                let file = open(mount["f"], O_RDONLY | test_o_direct)
                try #require(file >= 0)
                defer { close(file) }
                let buffer = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: 4096, alignment: 4096)
                defer { buffer.deallocate() }
                func read() -> [UInt8] {
                    pread(file, buffer.baseAddress!, 4096, 0) == 4096 ? Array(buffer) : []
                }
                let flipped = read()
                #expect(zip(flipped, bytes("A", 4096)).count { $0 != $1 } == 1)
                #expect(flipped[2048] == UInt8(ascii: "A") ^ 1)
                #expect(read() == bytes("B", 4096))
                #expect(read() == bytes("A", 4096))
                #expect(mount.log.suffix(2) == ["flip read f", "misplace read f"])
            }
        }

        @Test("a lie is answered and covers nothing")
        func lie() throws {
            try withFaults([(.lie, "fdatasync", .nth(1))]) { (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    #expect(failure(fdatasync(file)) == nil)
                    #expect(mount.log.last == "lie fdatasync f")
                }
            }
        }

        @Test("what is answered late holds nothing else up")
        func late() throws {
            let delay = FaultPlan.Effect.delay(nanoseconds: 3_000_000_000, text: "3s")
            try withFaults([(delay, "fsync", .every)]) { (mount) throws in
                try withFile(mount["f"]) { (file) throws in
                    let order = Mutex<[String]>([])
                    let started = DispatchSemaphore(value: 0)
                    let done = DispatchGroup()
                    DispatchQueue.global().async(group: done) {
                        started.signal()
                        _ = fsync(file)
                        order.withLock { $0.append("sync") }
                    }
                    started.wait()
                    // The request that is answered late has been done when its record is there.
                    while mount.log.last != "fsync i2" { sched_yield() }
                    try put(mount["g"], "meanwhile")
                    order.withLock { $0.append("others") }
                    done.wait()
                    #expect(order.withLock { $0 } == ["others", "sync"])
                }
            }
        }

        @Test("an unmount answers what is late")
        func lateAtEnd() throws {
            let delay = FaultPlan.Effect.delay(nanoseconds: 60_000_000_000, text: "60s")
            let done = DispatchGroup()
            try withFaults([(delay, "fsync", .every)]) { (mount) throws in
                let file = open(mount["f"], O_RDWR | O_CREAT, 0o644)
                DispatchQueue.global().async(group: done) {
                    _ = fsync(file)
                    close(file)
                }
                while mount.log.last != "fsync i2" { sched_yield() }
                mount.server.hurry()
                done.wait()
            }
        }
    }
}
