import Basics
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
    /// The `/dev/fuse` that it mounted, until it is taken.
    private var device: Descriptor?
    private let processID: pid_t
    /// fusermount3 unmounts when it is closed.
    private var socket: Descriptor?

    /// - Parameter allowOther: takes `user_allow_other` in `/etc/fuse.conf`.
    package init(at folder: String, allowOther: Bool) throws {
        var ends: DescriptorPair
        do throws(Errno) {
            ends = try .sockets(SOCK_STREAM)
        } catch {
            throw HarnessError("mounting on \(folder): \(error)")
        }
        let options =
            "fsname=perjury,auto_unmount,default_permissions" + (allowOther ? ",allow_other" : "")
        var child = ChildProcess(["fusermount3", "-o", options, "--", folder])
        child.isInPath = true
        child.sharesStandardStreams = true
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        child.environment = ["_FUSE_COMMFD=3", "PATH=\(path)"]
        child.descriptors = [ends.second]
        guard let started = try? child.start() else {
            throw HarnessError(
                "mounting on \(folder): it takes root, or fusermount3: apt-get install fuse3")
        }
        ends.closeSecond()
        let own = ends.takeFirst()
        var byte = UInt8(0)
        let received = withUnsafeMutableBytes(of: &byte) {
            DescriptorPassing.receive(into: $0, on: own.number)
        }
        guard let received = received.descriptor else {
            _ = consume own
            ChildProcess.wait(started)
            throw HarnessError(
                "mounting on \(folder): fusermount3 refused; the folder must be yours, and "
                    + "/dev/fuse must be open to you")
        }
        socket = consume own
        processID = started
        device = Descriptor(owning: received)
    }

    /// The `/dev/fuse` that it mounted, to serve; once.
    package func takeDevice() -> Descriptor? { device.take() }

    package func end(isUnmounted: Bool) {
        socket = nil
        ChildProcess.wait(processID)
    }
}
