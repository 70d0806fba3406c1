import CTestSupport
import FileTree
import FuseMount
import Glibc
import Recording
import Testing

import struct SystemPackage.Errno

extension MountTests {
    @Suite("Marks and endings", .serialized)
    struct Marks {
        @Test("one write to the mark file is one mark, in order with the data")
        func marks() throws {
            try withMount { (mount) throws in
                let out = mount[MountServer.markFile]
                try withFile(out, O_WRONLY | O_APPEND) { out in
                    try withFile(mount["a"]) { file in
                        try append(out, "@begin 1\n")
                        try append(file, "x")
                        try check(fsync(file))
                        try append(out, "@ack 1\npart")
                        try append(out, "ial\n")
                        #expect(status(out).st_size == 24)
                        try check(fsync(out))
                        try check(ftruncate(out, 0))
                    }
                }
                #expect(
                    mount.log == [
                        "create i2 i1/a regular", "mark @begin 1\n", "write i2 0+1 call",
                        "fsync i2", "mark @ack 1\npart", "mark ial\n",
                    ])
            }
        }

        @Test("the launched program's stdout can be the mark file")
        func standardOutput() throws {
            try withMount { (mount) throws in
                let result = try shell(
                    "echo one; echo two > data; /bin/echo three", in: mount.path,
                    output: mount[MountServer.markFile])
                #expect(result == 0)
                #expect(
                    mount.log == [
                        "mark one\n", "create i2 i1/data regular", "write i2 0+4 call",
                        "mark three\n",
                    ])
            }
        }

        @Test("hidden files are found by name only, and stay")
        func hidden() throws {
            try withMount { (mount) throws in
                #expect(try names(mount.path) == [])
                for name in [MountServer.markFile, MountServer.controlFile] {
                    let path = mount[name]
                    #expect(status(path)!.st_mode & S_IFMT == S_IFREG)
                    #expect(failure(unlink(path)) == .notPermitted)
                    #expect(failure(rename(path, mount["x"])) == .notPermitted)
                    #expect(failure(link(path, mount["x"])) == .notPermitted)
                    #expect(failure(mkdir(path, 0o755)) == .fileExists)
                    #expect(setAttribute(path, "user.x", "y") == .notPermitted)
                    #expect(listAttributes(path) == [])
                    #expect(try contents(path) == [])
                }
                try put(mount["a"], "")
                #expect(
                    renameFailure(mount["a"], mount[MountServer.markFile]) == .notPermitted)
                try check(mkdir(mount["d"], 0o755))
                try put(mount["d/" + MountServer.markFile], "a file as any other")
                #expect(try names(mount["d"]) == [MountServer.markFile])
                asUser(1000) {
                    #expect(failure(open(mount[MountServer.markFile], O_WRONLY)) == nil)
                    #expect(
                        failure(open(mount[MountServer.controlFile], O_WRONLY))
                            == .permissionDenied)
                }
            }
        }

        @Test("after a freeze nothing changes, nothing is recorded, and reads go on")
        func freezes() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "before")
                try withFile(mount["a"], O_RDWR) { file in
                    try withFile(mount[MountServer.markFile], O_WRONLY) { out in
                        mount.server.freeze()
                        let log = try mount.log { () throws in
                            #expect(failure(write(file, "x", 1)) == .ioError)
                            #expect(failure(fsync(file)) == .ioError)
                            #expect(failure(write(out, "x", 1)) == .ioError)
                            #expect(failure(unlink(mount["a"])) == .ioError)
                            #expect(failure(mkdir(mount["d"], 0o755)) == .ioError)
                            #expect(failure(chmod(mount["a"], 0)) == .ioError)
                            #expect(failure(open(mount["a"], O_RDWR | O_TRUNC)) == .ioError)
                            #expect(setAttribute(mount["a"], "user.x", "y") == .ioError)
                            #expect(try text(mount["a"]) == "before")
                        }
                        #expect(log == [])
                    }
                }
            }
        }

        @Test("a recording that cannot grow ends the run with EIO and a sentence, its records kept")
        func fullRecording() throws {
            let folder = try temporaryDirectory()
            defer { rmdir(folder) }
            let file = folder + "/recording"
            defer { unlink(file) }
            let base = FileTree()
            // Two steps of the arena: 64 MiB.
            let arena = try Arena(creating: file, limit: 64 << 20)
            let mount = try TestMount(
                base, writer: RecordingWriter(arena: arena, base: base, storesBase: true))
            defer { mount.close() }
            let megabyte = [UInt8](repeating: 1, count: 1 << 20)
            try withFile(mount["a"]) { file in
                var written = 0
                while write(file, megabyte, megabyte.count) == megabyte.count { written += 1 }
                #expect(errno == EIO)
                #expect(written > 50)
                #expect(failure(write(file, "x", 1)) == .ioError)
                #expect(failure(unlink(mount["a"])) == .ioError)
                #expect(try read(file, 10) == Array(megabyte[..<10]))
                #expect(mount.server.failure?.contains("cannot grow") == true)
                var live = mount.server.tree
                let recording = mount.server.recording()
                var replayed = try recording.tree(after: recording.count)
                #expect(live.settle() == replayed.settle())
            }
        }
    }
}

/// Runs a shell command.
///
/// - Returns: its exit status.
func shell(_ command: String, in directory: String, output: String = "/dev/null") throws -> Int32 {
    let line = "cd '\(directory)' && exec >>'\(output)' && \(command)"
    var process = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] = ["/bin/sh", "-c", line].map {
        (text: String) in strdup(text)
    }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    let error = posix_spawn(&process, "/bin/sh", nil, nil, arguments, environ)
    guard error == 0 else { throw Errno(rawValue: error) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status
}
