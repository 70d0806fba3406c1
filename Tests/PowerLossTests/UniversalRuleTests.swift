import PowerLoss
import Testing

/// What holds under every model, `posix` too, and what the models that no kernel stands for promise.
@Suite("Rules of all models, and the models without a kernel")
struct UniversalRuleTests {
    /// The rules that it is about; see `RuleTableTests`.
    static let rules = [
        "U4", "U6", "U7", "data-brings-metadata", "names-are-durable-at-once",
        "everything-in-order",
    ]

    private func circle(_ life: inout Life) {
        life.rename("x", "y/x")
        life.rename("y/x", "z")
        life.rename("y", "z/y")
    }

    @Test(
        "U6: directories that move in a circle stand somewhere, once",
        arguments: ["posix", "btrfs", "xfs"])
    func circles(model: String) {
        let states = states(
            .named(model)!,
            base: {
                $0.makeDirectory("x")
                $0.makeDirectory("y")
            }, circle)

        #expect(states == ["x/ y/", "y/x/", "y/ z/", "z/y/"])
    }

    @Test("U6: a move does not wait for moves and makings elsewhere")
    func movesApart() {
        let states = states(
            .posix,
            base: {
                $0.makeDirectory("x")
                $0.makeDirectory("y")
            },
            {
                $0.rename("x", "a")
                $0.makeDirectory("n")
                $0.rename("y", "b")
            })

        #expect(states.contains("b/ x/"))
        #expect(states.contains("b/ n/ x/"))
        #expect(states.count == 8)
    }

    @Test(
        "U6: a sync of one new directory leaves another to its own", arguments: ["posix", "btrfs"])
    func syncOfOneDirectory(model: String) {
        let states = states(
            .named(model)!, base: { $0.makeDirectory("d") },
            {
                $0.makeDirectory("a")
                $0.makeDirectory("d/b")
                $0.fsync("d")
            })

        #expect(states == ["a/ d/b/", "d/b/"])
    }

    @Test("U6: a directory goes after what left it")
    func emptied() {
        let states = states(
            .posix,
            base: {
                $0.makeDirectory("d")
                $0.create("d/f")
            },
            {
                $0.rename("d/f", "f")
                $0.removeDirectory("d")
            })

        #expect(states == ["d/f=e", "d/f=e f=e", "d/ f=e", "f=e"])
    }

    @Test("U6: a directory is replaced after what left it")
    func replacedEmpty() {
        let states = states(
            .posix,
            base: {
                $0.makeDirectory("d")
                $0.makeDirectory("e")
                $0.create("d/f")
            },
            {
                $0.rename("d/f", "f")
                $0.rename("e", "d")
            })

        #expect(states == ["d/f=e e/", "d/f=e e/ f=e", "d/ e/ f=e", "d/ f=e"])
    }

    @Test("U4: a renamed file stands in at least one place")
    func renamed() {
        let base: (inout Life) -> Void = { $0.create("a") }
        let run: (inout Life) -> Void = { $0.rename("a", "b") }

        #expect(states(.posix, base: base, run) == ["a=e", "b=e", "a=e b=e"])
        for model in ["ext4-ordered", "xfs", "btrfs", "in-order"] {
            #expect(states(.named(model)!, base: base, run) == ["a=e", "b=e"])
        }
        #expect(states(.dataOnly, base: base, run) == ["b=e"])
    }

    @Test("U7: attributes of one file change in order, extended ones by themselves")
    func attributes() {
        let states = states(
            .posix, base: { $0.create("f") },
            {
                $0.chmod("f")
                $0.setxattr("f")
                $0.chown("f")
            })

        #expect(states == ["f=e", "f=e+m", "f=e+x", "f=e+mx", "f=e+mu", "f=e+mux"])
    }

    @Test("O_DSYNC: a write covers its own pages, and sizes", arguments: ["posix", "ext4-ordered"])
    func synchronousWrite(model: String) {
        let old: (inout Life) -> Void = {
            $0.create("f")
            $0.write("f", 0, 16384, "O")
        }
        let ofData = states(
            .named(model)!, .torn4096, base: old,
            {
                $0.write("f", 0, 4096, "N")
                $0.writeThrough("f", 8192, 4096, "M")
            })
        let ofZeros = states(
            .named(model)!, .torn4096, base: old,
            {
                $0.truncate("f", 100)
                $0.truncate("f", 16384)
                $0.writeThrough("f", 8192, 4096, "M")
            })

        #expect(ofData == ["f=O8192M4096O4096", "f=N4096O4096M4096O4096"])
        #expect(ofZeros == ["f=O4096Z4096M4096Z4096", "f=O100Z8092M4096Z4096"])
    }

    @Test("posix: fsync of a file covers its bytes, fsync of its directory its name")
    func posixSyncs() {
        func created(_ life: inout Life) {
            life.create("f")
            life.write("f", 0, 4096, "N")
        }
        let ofFile = states(.posix, .torn4096) {
            created(&$0)
            $0.fsync("f")
        }
        let ofDirectory = states(.posix, .torn4096) {
            created(&$0)
            $0.fsync("/")
        }
        let ofBoth = states(.posix, .torn4096) {
            created(&$0)
            $0.fsync("f")
            $0.fsync("/")
        }

        #expect(ofFile == ["-", "f=N4096"])
        #expect(ofDirectory == ["f=e", "f=Z4096", "f=N4096"])
        #expect(ofBoth == ["f=N4096"])
    }

    @Test(
        "fsync of a file leaves the bytes of another at risk",
        arguments: ["posix", "ext4-ordered", "xfs", "btrfs"])
    func syncOfOneFile(model: String) {
        let states = states(
            .named(model)!, .torn4096,
            base: {
                $0.create("f")
                $0.write("f", 0, 4096, "O")
                $0.create("g")
                $0.write("g", 0, 4096, "O")
            },
            {
                $0.write("f", 0, 4096, "N")
                $0.write("g", 0, 4096, "N")
                $0.fsync("f")
            })

        #expect(states == ["f=N4096 g=O4096", "f=N4096 g=N4096"])
    }

    @Test("Btrfs: an overwrite does not arrive before a size or a name that was changed earlier")
    func dataBringsMetadata() {
        func run(_ life: inout Life) {
            life.truncate("f", 12288)
            life.link("f", "g")
            life.write("f", 0, 4096, "N")
        }
        func base(_ life: inout Life) {
            life.create("f")
            life.write("f", 0, 8192, "O")
        }

        #expect(
            states(.btrfs, base: base, run) == [
                "f=O8192", "f=O8192Z4096", "f=O8192Z4096 g=O8192Z4096",
                "f=N4096O4096Z4096 g=N4096O4096Z4096",
            ])
        #expect(states(.xfs, .torn4096, base: base, run).contains("f=N4096O4096"))
    }

    @Test("Btrfs: the sync of a new directory brings the new directories above it")
    func newAncestors() {
        let ofDirectory = states(.btrfs) {
            $0.makeDirectory("d")
            $0.makeDirectory("d/e")
            $0.create("d/e/f")
            $0.fsync("d/e")
        }
        let ofFile = states(.btrfs) {
            $0.makeDirectory("d")
            $0.makeDirectory("d/e")
            $0.create("d/e/f")
            $0.fsync("d/e/f")
        }

        #expect(ofDirectory == ["d/e/f=e"])
        #expect(ofFile == ["d/e/f=e"])
    }

    @Test("data-only: bytes are lost that no sync covered, names and modes are not")
    func dataOnly() {
        func run(_ life: inout Life) {
            life.create("f")
            life.chmod("f")
            life.write("f", 0, 4096, "N")
            life.rename("f", "g")
        }
        let before = states(.dataOnly) { run(&$0) }
        let after = states(.dataOnly) {
            run(&$0)
            $0.fdatasync("g")
        }

        #expect(before == ["g=e+m", "g=Z4096+m", "g=N4096+m"])
        #expect(after == ["g=N4096+m"])
    }

    @Test("in-order: what is lost is a tail, and the last write may tear")
    func inOrder() {
        let states = states(
            .inOrder, Stack(name: "test", about: "", atomicUnit: 2048),
            base: {
                $0.create("f")
                $0.write("f", 0, 8192, "O")
            },
            {
                $0.write("f", 0, 4096, "N")
                $0.create("g")
                $0.write("f", 4096, 4096, "M")
            })

        #expect(
            states == [
                "f=O8192", "f=N2048O6144", "f=O2048N2048O4096", "f=N4096O4096", "f=N4096O4096 g=e",
                "f=N4096M2048O2048 g=e", "f=N4096O2048M2048 g=e", "f=N4096M4096 g=e",
            ])
    }

    @Test("lying-flush: the last syncs did nothing, those before them did")
    func lyingFlush() {
        func run(_ count: Int) -> Set<String> {
            states(.xfs, Stack(name: "test", about: "", atomicUnit: 4096, ignoredFlushes: 2)) {
                for name in ["a", "b", "c", "d"].prefix(count) {
                    $0.create(name)
                    $0.fsync(name)
                }
            }
        }

        #expect(run(2) == ["-", "a=e", "a=e b=e"])
        #expect(run(3) == ["a=e", "a=e b=e", "a=e b=e c=e"])
        #expect(run(4) == ["a=e b=e", "a=e b=e c=e", "a=e b=e c=e d=e"])
    }
}
