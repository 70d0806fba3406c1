import Basics
import Glibc

import struct SystemPackage.Errno

/// A FUSE mount that everybody sees, held by a `perjury-keeper` of its own, which detaches it when this process closes it or
/// dies, however it dies. Root mounts; for others fusermount3 does.
package final class PublicMount {
    private let processID: pid_t
    /// The keeper detaches the mount when it is closed.
    private var socket: Descriptor?
    /// The `/dev/fuse` that fusermount3 mounted, until it is taken.
    private var device: Descriptor?

    /// Mounts.
    ///
    /// - Parameters:
    ///   - device: what is served, for root; it stays the caller's. nil: fusermount3 opens it, see `takeDevice`.
    ///   - allowOther: whether other users than the caller see it. With fusermount3 it takes `user_allow_other` in
    ///     `/etc/fuse.conf`.
    package init(device: CInt?, at folder: String, allowOther: Bool = false) throws {
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
        var child = ChildProcess(
            try Self.arguments(String(cString: real), device, allowOther: allowOther))
        child.descriptors = [ends.second] + (device.map { [$0] } ?? [])
        guard let started = try? child.start() else {
            throw HarnessError("mounting on \(folder): perjury-keeper does not start")
        }
        ends.closeSecond()
        let own = ends.takeFirst()
        var bytes = [UInt8](repeating: 0, count: 1024)
        let (size, received) = bytes.withUnsafeMutableBytes {
            DescriptorPassing.receive(into: $0, on: own.number)
        }
        let error = size < 4 ? EIO : bytes.withUnsafeBytes { $0.load(as: CInt.self) }
        guard error == 0 else {
            _ = consume own
            ChildProcess.wait(started)
            let words = String(decoding: bytes[4..<max(4, size)], as: UTF8.self)
            throw HarnessError(
                "mounting on \(folder): \(words): \(Errno(rawValue: error)); the folder must be yours, and /dev/fuse open to "
                    + "you; `perjury doctor` says what is lacking")
        }
        socket = consume own
        processID = started
        if let received { self.device = Descriptor(owning: received) }
    }

    private static func arguments(
        _ folder: String, _ device: CInt?, allowOther: Bool
    ) throws -> [String] {
        let other = allowOther ? ",allow_other" : ""
        let keeper = try Keeper.executablePath()
        if device != nil {
            let options =
                "fd=4,rootmode=40000,user_id=\(geteuid()),group_id=\(getegid()),default_permissions"
            return [keeper, "--mount", folder, options + other]
        }
        do {
            let tool = try Fusermount.path()
            return [keeper, "--mount", folder, "fsname=perjury,default_permissions" + other, tool]
        } catch {
            throw HarnessError("mounting on \(folder): it takes root or fusermount3, and \(error)")
        }
    }

    /// The `/dev/fuse` that fusermount3 mounted, to serve; once.
    package func takeDevice() -> Descriptor? { device.take() }

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
