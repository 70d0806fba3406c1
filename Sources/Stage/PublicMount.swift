import Basics
import Glibc

import struct SystemPackage.Errno

/// A FUSE mount that everybody sees, held by a `perjury-keeper` of its own, which detaches it when this process closes it or
/// dies, however it dies.
package final class PublicMount: HostMount {
    private let processID: pid_t
    /// The keeper detaches the mount when it is closed.
    private var socket: Descriptor?

    /// Mounts what is served through `device`, which stays the caller's.
    ///
    /// - Parameter allowOther: whether other users than the caller see it.
    package init(device: CInt, at folder: String, allowOther: Bool = false) throws {
        guard let real = realpath(folder, nil) else {
            throw HarnessError("mounting on \(folder): \(Errno(rawValue: errno))")
        }
        defer { free(real) }
        var ends: DescriptorPair
        do throws(Errno) {
            ends = try .sockets(SOCK_SEQPACKET)
        } catch {
            throw HarnessError("mounting on \(folder): \(error)")
        }
        let options =
            "fd=4,rootmode=40000,user_id=\(geteuid()),group_id=\(getegid()),default_permissions"
            + (allowOther ? ",allow_other" : "")
        var child = ChildProcess(
            [try Keeper.executablePath(), "--mount", String(cString: real), options])
        child.descriptors = [ends.second, device]
        guard let started = try? child.start() else {
            throw HarnessError("mounting on \(folder): perjury-keeper does not start")
        }
        ends.closeSecond()
        let own = ends.takeFirst()
        var error = CInt(0)
        let size = recv(own.number, &error, MemoryLayout<CInt>.size, 0)
        guard size == MemoryLayout<CInt>.size, error == 0 else {
            _ = consume own
            ChildProcess.wait(started)
            throw HarnessError(
                "mounting on \(folder): \(Errno(rawValue: size > 0 ? error : EIO)); it takes root to mount there"
            )
        }
        socket = consume own
        processID = started
    }

    /// Detaches the mount, unless somebody did it already.
    package func end(isUnmounted: Bool) {
        if isUnmounted, let number = socket?.number {
            var byte = UInt8(1)
            send(number, &byte, 1, CInt(MSG_NOSIGNAL))
        }
        socket = nil
        ChildProcess.wait(processID)
    }
}
