import Glibc
import Reporting
import TestSupport
import Testing

@Suite("The lock of a folder")
struct FolderLockTests {
    @Test("who comes second is told who holds it, and closes its own descriptor only")
    func second() throws {
        let folder = try TemporaryFolder()
        let lock = try FolderLock(folder.path, advice: "wait")

        let error = #expect(throws: Failure.self) {
            try FolderLock(folder.path, advice: "name another")
        }

        #expect(error?.sentence.contains("this process") == true)
        #expect(error?.sentence.hasSuffix("or name another") == true)
        withExtendedLifetime(lock) {}
    }

    @Test("once it is let go, the next one has it")
    func letGo() throws {
        let folder = try TemporaryFolder()
        _ = try FolderLock(folder.path, advice: "wait")
        _ = try FolderLock(folder.path, advice: "wait")
    }
}
