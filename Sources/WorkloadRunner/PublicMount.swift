import Glibc

import struct SystemPackage.Errno

/// A FUSE mount that everybody sees, held by a `perjury-keeper` of its own, which detaches it when this process closes it or
/// dies, however it dies.
package final class PublicMount: HostMount {
    private let processID: pid_t
    private let socket: CInt

    /// Mounts what is served through `device`, which stays the caller's.
    ///
    /// - Parameter allowOther: whether other users than the caller see it.
    package init(device: CInt, at folder: String, allowOther: Bool = false) throws {
        guard let real = realpath(folder, nil) else {
            throw HarnessError("mounting on \(folder): \(Errno(rawValue: errno))")
        }
        defer { free(real) }
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw HarnessError("mounting on \(folder): \(Errno(rawValue: errno))")
        }
        socket = ends[0]
        let options =
            "fd=4,rootmode=40000,user_id=\(geteuid()),group_id=\(getegid()),default_permissions"
            + (allowOther ? ",allow_other" : "")
        let started = Self.start(
            [try Keeper.executablePath(), "--mount", String(cString: real), options], ends[1],
            device)
        Glibc.close(ends[1])
        guard let started else {
            Glibc.close(socket)
            throw HarnessError("mounting on \(folder): perjury-keeper does not start")
        }
        processID = started
        var error = CInt(0)
        let size = recv(socket, &error, MemoryLayout<CInt>.size, 0)
        guard size == MemoryLayout<CInt>.size, error == 0 else {
            close()
            throw HarnessError(
                "mounting on \(folder): \(Errno(rawValue: size > 0 ? error : EIO)); it takes root to mount there"
            )
        }
    }

    /// Detaches the mount, unless somebody did it already.
    package func end(isUnmounted: Bool) {
        if isUnmounted {
            var byte = UInt8(1)
            send(socket, &byte, 1, CInt(MSG_NOSIGNAL))
        }
        close()
    }

    private func close() {
        Glibc.close(socket)
        while waitpid(processID, nil, 0) < 0 && errno == EINTR {}
    }

    /// Starts it with `socket` as fd 3 and `device` as fd 4.
    private static func start(_ arguments: [String], _ socket: CInt, _ device: CInt) -> pid_t? {
        // Out of the way of the numbers that they are to have.
        let copies = [socket, device].map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
        defer { for copy in copies { Glibc.close(copy) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for standard: CInt in 0...2 {
            posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0)
        }
        for (number, copy) in zip([3, 4] as [CInt], copies) {
            posix_spawn_file_actions_adddup2(&actions, copy, number)
        }
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var process: pid_t = 0
        let error = posix_spawn(&process, arguments[0], &actions, nil, &words, &environment)
        return error == 0 ? process : nil
    }
}
