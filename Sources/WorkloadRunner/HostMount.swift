import Glibc

import struct SystemPackage.Errno

/// A mount in the host's namespace, removed when this process dies for any reason.
package protocol HostMount: AnyObject {
    /// Detaches the mount, unless somebody did it already.
    func end(isUnmounted: Bool)
}

/// A mount made by fusermount3, for those who may not mount. It stays and unmounts when the harness is gone
/// (its option `auto_unmount`).
package final class FusermountMount: HostMount {
    /// The `/dev/fuse` that it mounted; the taker's to close.
    package let device: CInt
    private let processID: pid_t
    private let socket: CInt

    /// - Parameter allowOther: takes `user_allow_other` in `/etc/fuse.conf`.
    package init(at folder: String, allowOther: Bool) throws {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
        else { throw HarnessError("mounting on \(folder): \(Errno(rawValue: errno))") }
        let options =
            "fsname=perjury,auto_unmount,default_permissions" + (allowOther ? ",allow_other" : "")
        let started = Self.start(["fusermount3", "-o", options, "--", folder], ends[1])
        Glibc.close(ends[1])
        guard let started else {
            Glibc.close(ends[0])
            throw HarnessError(
                "mounting on \(folder): it takes root, or fusermount3: apt-get install fuse3")
        }
        guard let received = Self.receive(ends[0]) else {
            Glibc.close(ends[0])
            while waitpid(started, nil, 0) < 0 && errno == EINTR {}
            throw HarnessError(
                "mounting on \(folder): fusermount3 refused; the folder must be yours, and "
                    + "/dev/fuse must be open to you")
        }
        socket = ends[0]
        processID = started
        device = received
    }

    package func end(isUnmounted: Bool) {
        Glibc.close(socket)
        while waitpid(processID, nil, 0) < 0 && errno == EINTR {}
    }

    private static func start(_ arguments: [String], _ socket: CInt) -> pid_t? {
        let copy = fcntl(socket, F_DUPFD_CLOEXEC, 10)
        defer { Glibc.close(copy) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, copy, 3)
        var words = arguments.map { strdup($0) } + [nil]
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        var environment = [strdup("_FUSE_COMMFD=3"), strdup("PATH=\(path)"), nil]
        defer { for word in words + environment { free(word) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, arguments[0], &actions, nil, &words, &environment)
        return error == 0 ? process : nil
    }

    /// The descriptor that comes with one byte.
    private static func receive(_ socket: CInt) -> CInt? {
        var byte = UInt8(0)
        return withUnsafeMutablePointer(to: &byte) { pointer -> CInt? in
            var part = iovec(iov_base: pointer, iov_len: 1)
            // A control header (16 bytes) and one descriptor, padded.
            var control = [UInt64](repeating: 0, count: 3)
            return withUnsafeMutablePointer(to: &part) { parts -> CInt? in
                control.withUnsafeMutableBytes { space -> CInt? in
                    var message = msghdr()
                    message.msg_iov = parts
                    message.msg_iovlen = 1
                    message.msg_control = space.baseAddress
                    message.msg_controllen = space.count
                    var size = -1
                    repeat {
                        size = recvmsg(socket, &message, CInt(MSG_CMSG_CLOEXEC))
                    } while size < 0 && errno == EINTR
                    guard size > 0, message.msg_controllen >= 20,
                        space.load(fromByteOffset: 12, as: CInt.self) == CInt(SCM_RIGHTS)
                    else { return nil }
                    return space.load(fromByteOffset: 16, as: CInt.self)
                }
            }
        }
    }
}
