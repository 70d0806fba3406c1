// What xfstests holds every filesystem to after a power loss (dm-flakey); the number is the test in tests/generic.
extension Litmus {
    private static let directory: @Sendable (inout Life) -> Void = {
        $0.makeDirectory("a")
        $0.makeDirectory("b")
        $0.create("a/f")
        $0.write("a/f", 0, 4096, "O")
    }

    private static let file: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 16384, "O")
    }

    static let promises = namePromises + contentPromises

    private static let namePromises = [
        Litmus(
            "335: moved to another directory, old directory fsynced: at its destination",
            rules: ["U4"],
            base: directory,
            {
                $0.rename("a/f", "b/f")
                $0.fsync("a")
            }, .all(.only("a/ b/f=O4096"))),
        Litmus(
            "322: renamed, then the file fsynced: under the new name",
            rules: ["fsync-covers-names"], base: directory,
            {
                $0.rename("a/f", "a/g")
                $0.write("a/g", 4096, 4096, "N")
                $0.fsync("a/g")
            }, .all(.only("a/g=O4096N4096 b/"))),
        Litmus(
            "342, 376: renamed, name reused, new file fsynced: both exist",
            rules: ["fsync-covers-names"], base: directory,
            {
                $0.rename("a/f", "a/g")
                $0.create("a/f")
                $0.write("a/f", 0, 4096, "N")
                $0.fsync("a/f")
            }, .all(.only("a/f=N4096 a/g=O4096 b/"))),
        Litmus(
            "341: the same with directories", rules: ["U6"],
            base: {
                $0.makeDirectory("a")
                $0.makeDirectory("a/x")
                $0.create("a/x/f")
                $0.create("a/x/g")
            },
            {
                $0.rename("a/x", "a/y")
                $0.makeDirectory("a/x")
                $0.fsync("a/x")
            }, .all(.only("a/x/ a/y/f=e a/y/g=e"))),
        Litmus(
            "343, 336: one file linked, another moved, the first fsynced: one place for each",
            base: {
                $0.makeDirectory("x")
                $0.makeDirectory("y")
                $0.create("x/foo")
                $0.create("x/bar")
            },
            {
                $0.link("x/foo", "x/foo2")
                $0.rename("x/bar", "y/bar")
                $0.fsync("x/foo")
            },
            .all(.only("x/bar=e x/foo=e x/foo2=e y/ / x/foo=e x/foo2=e y/bar=e"))),
        Litmus(
            "498: a new directory with a new link, fsynced: the directory stays", base: directory,
            {
                $0.makeDirectory("c")
                $0.link("a/f", "c/g")
                $0.fsync("c")
            }, .all(.only("a/f=O4096 b/ c/g=O4096"))),
        Litmus(
            "348, 690, 779: a symbolic link whose directory is fsynced keeps its text",
            {
                $0.makeDirectory("d")
                $0.symlink("target", "d/l")
                $0.fsync("d")
            }, .all(.only("d/l->target"))),
        Litmus(
            "065: new links are durable by an fsync of the directory", base: directory,
            {
                $0.link("a/f", "a/g")
                $0.link("a/f", "a/h")
                $0.fsync("a")
            }, .all(.only("a/f=O4096 a/g=O4096 a/h=O4096 b/"))),
        Litmus(
            "764: an unlinked file, its name reused, is not resurrected", rules: ["U2"],
            base: directory,
            {
                $0.unlink("a/f")
                $0.create("a/f")
                $0.fsync("a/f")
            }, .all(.only("a/f=e b/"))),
        Litmus(
            "771: a file fsynced after its unlinking stays away", base: directory,
            {
                $0.hold("a/f", as: "descriptor")
                $0.unlink("a/f")
                $0.write("descriptor", 0, 100, "N")
                $0.fsync("descriptor")
            }, .all(.only("a/ b/"))),
        Litmus(
            "785: a directory moved away, its name reused, the new one fsynced", rules: ["U6"],
            base: directory,
            {
                $0.rename("a", "c")
                $0.makeDirectory("a")
                $0.create("a/g")
                $0.fsync("a")
            }, .all(.only("a/g=e b/ c/f=O4096"))),
    ]

    private static let contentPromises = [
        Litmus(
            "101: truncated down and up, fsynced: zeros", rules: ["U8"], base: file,
            {
                $0.truncate("f", 5000)
                $0.truncate("f", 16384)
                $0.fsync("f")
            }, .all(.only("f=O5000Z11384"))),
        Litmus(
            "325: syncs of two ranges cover both", base: file,
            {
                $0.writeThrough("f", 0, 4096, "N")
                $0.writeThrough("f", 8192, 4096, "M")
            }, .all(.only("f=N4096O4096M4096O4096"))),
        Litmus(
            "468, 483: space beyond the end, fsynced", base: file,
            {
                $0.allocate("f", 16384..<32768, .extend)
                $0.fsync("f")
            }, .all(.only("f=O16384Z16384"))),
        Litmus(
            "a sync of everything covers everything", base: directory,
            {
                $0.create("c")
                $0.write("c", 0, 8192, "N")
                $0.rename("a", "d")
                $0.chmod("c")
                $0.setxattr("d/f")
                $0.syncAll()
            }, .all(.only("b/ c=N8192+m d/f=O4096+x"))),
    ]
}
