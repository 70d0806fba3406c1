import Basics
import Glibc
import Reporting

import struct SystemPackage.Errno

/// A new, private folder that goes with this, or with the process, however that ends: a child that does nothing else
/// removes it once the other end of its pipe is closed.
final class ScratchFolder {
    /// Absolute.
    let path: String
    private let remover: pid_t
    private let pipe: CInt

    private static let script = "trap '' INT TERM HUP; read none <&3; exec rm -rf -- \"$0\""

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        guard let place = Files.absolute(parent) else {
            throw Failure(.unavailable, "TMPDIR is \(parent), and there is no such folder")
        }
        var template = Array("\(place)/perjury-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(
                .unavailable,
                "making a folder in \(place): \(Errno(rawValue: errno)); TMPDIR names another")
        }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        do throws(Errno) {
            var ends = try DescriptorPair.pipe()
            var child = ChildProcess(["/bin/sh", "-c", Self.script, path])
            child.descriptors = [ends.first]
            child.isInSessionOfItsOwn = true
            remover = try child.start()
            pipe = ends.takeSecond().release()
        } catch {
            rmdir(path)
            throw Failure(.unavailable, "starting /bin/sh, which is to remove \(path): \(error)")
        }
    }

    deinit {
        close(pipe)
        ChildProcess.wait(remover)
    }

    /// Programs of other users find their way to what is in it, where they know its name.
    func letOthersThrough() {
        chmod(path, 0o711)
    }
}
