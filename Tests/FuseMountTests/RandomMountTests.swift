import FileTree
import FuseMount
import Glibc
import Recording
import TestSupport
import Testing

extension MountTests {
    @Suite("Random operations", .serialized)
    struct Random {
        @Test(
            "the mount answers as the machine's own filesystem does, and its records give its tree",
            arguments: Seed.first(12))
        func sameAsReference(seed: Seed) throws {
            let reference = try temporaryDirectory()
            defer { removeTree(reference) }
            try check(chmod(reference, 0o777))
            try withMount { (mount) throws in
                var operations = RandomOperations(
                    seed: seed, roots: [mount.path, reference],
                    canZeroRanges: try canZeroRanges(reference))
                defer { operations.closeAll() }
                for _ in 0..<600 {
                    guard let difference = operations.step() else { continue }
                    Issue.record(
                        "\(difference) after \(operations.done.suffix(12).joined(separator: "\n"))")
                    return
                }
                let expected = try dump(reference)
                #expect(try dump(mount.path) == expected)
                // What the kernel cached is one thing, what the server holds another: ask a new mount.
                let again = try TestMount(mount.server.tree)
                defer { again.close() }
                #expect(try dump(again.path) == expected)
            }
        }
    }

    @Suite("Programs", .serialized)
    struct Programs {
        @Test(
            "programs work on the mount",
            arguments: [
                """
                git init -q . && git config user.email a@b && git config user.name n &&
                for i in 1 2 3; do echo $i > f$i; git add . && git commit -qm $i || exit 1; done &&
                git gc -q && git fsck --strict && test $(git log --oneline | wc -l) = 3
                """,
                """
                sqlite3 db "pragma journal_mode=wal; create table t(a); insert into t values (1);" &&
                for i in 1 2 3 4 5; do sqlite3 db "insert into t select a+$i from t;" || exit 1; done &&
                test "$(sqlite3 db 'pragma integrity_check; select count(*) from t')" = "ok
                32"
                """,
                """
                sqlite3 db "pragma journal_mode=delete; pragma mmap_size=1000000;
                create table t(a); insert into t values (1);" &&
                for i in 1 2 3 4 5; do sqlite3 db "insert into t select a+$i from t;" || exit 1; done &&
                test "$(sqlite3 db 'pragma integrity_check; select count(*) from t')" = "ok
                32" && test ! -e db-journal
                """,
                """
                mkdir -p a/b/c && cp -a /etc/passwd a/b/ && tar cf t.tar a && tar xf t.tar -C a &&
                cmp a/b/passwd a/a/b/passwd && cp --sparse=always t.tar s.tar && cmp s.tar t.tar &&
                rm -rf a && test ! -e a
                """,
            ])
        func programs(command: String) throws {
            try withMount { (mount) throws in
                let script = command.split(separator: "\n").map { $0.drop { $0 == " " } }
                #expect(try shell(script.joined(separator: "\n"), in: mount.path) == 0)
            }
        }
    }
}

private func canZeroRanges(_ directory: String) throws -> Bool {
    let path = directory + "/probe"
    defer { unlink(path) }
    return try withFile(path) { allocate($0, 0x10, 0, 4096) == nil }
}

private func removeTree(_ path: String) {
    for name in (try? names(path)) ?? [] {
        let child = path + "/" + name
        if let now = status(child), now.st_mode & S_IFMT == S_IFDIR {
            removeTree(child)
        } else {
            unlink(child)
        }
    }
    rmdir(path)
}
