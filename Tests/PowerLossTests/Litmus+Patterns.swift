// The patterns P1 to P14. Source: kernel 6.18, each filesystem as mkfs and mount make it by default; a loop device whose writes and
// flushes were logged, crash images from every prefix of that log with any subset of the unflushed writes, mounted and read. `docs/measurements.md`.
extension Litmus {
    private static let old: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 8192, "O")
    }

    private static let twoFiles: @Sendable (inout Life) -> Void = {
        $0.create("a")
        $0.write("a", 0, 4096, "O")
        $0.create("b")
        $0.write("b", 0, 4096, "O")
    }

    private static func createAndWrite(_ history: inout Life) {
        history.create("f")
        history.write("f", 0, 8192, "N")
    }

    private static func replace(_ history: inout Life) {
        history.create("tmp")
        history.write("tmp", 0, 8192, "N")
        history.rename("tmp", "f")
    }

    static let patterns = creations + appends + overwrites + names

    private static let creations = [
        Litmus(
            "P1 creat, write, fsync; no fsync of the directory", rules: ["fsync-covers-names"],
            {
                createAndWrite(&$0)
                $0.fsync("f")
            }, .all(.only("f=N8192"))),
        Litmus(
            "P1b creat, write, close",
            rules: ["growth-needs-data", "growth-needs-new-blocks", "lost-blocks-read"],
            { createAndWrite(&$0) },
            [
                .ext4: .seen("- / f=e / f=Z8192 / f=N8192"),
                .xfs: .seen("- / f=e / f=N8192", never: "f=Z8192 / f=Z4096 / f=Z4096N4096"),
                .btrfs: .seen("- / f=e / f=N8192", never: "f=Z8192 / f=Z4096 / f=Z4096N4096"),
            ]),
        Litmus(
            "P2 write tmp, rename over f", rules: ["replacement-needs"], shows: ["f"], base: old,
            { replace(&$0) },
            [
                .ext4: .seen("f=O8192 / f=N8192 / f=Z8192", never: "f=e / -"),
                .xfs: .seen("f=O8192 / f=N8192 / f=e", never: "f=Z8192 / -"),
                .btrfs: .seen("f=O8192 / f=N8192 / f=e", never: "f=Z8192 / -"),
            ]),
        Litmus(
            "P2b write tmp, rename to a new name",
            {
                $0.create("t")
                $0.write("t", 0, 8192, "N")
                $0.rename("t", "g")
            },
            [
                .ext4: .seen("- / t=e / g=e / t=N8192 / g=N8192"),
                .xfs: .seen("- / t=e / g=e / t=N8192 / g=N8192", never: "g=Z8192"),
                .btrfs: .seen("- / t=e / g=e / t=N8192 / g=N8192", never: "g=Z8192"),
            ]),
        Litmus(
            "P4 write tmp, rename over f, fsync f", base: old,
            {
                replace(&$0)
                $0.fsync("f")
            }, .all(.only("f=N8192"))),
        Litmus(
            "P4 before the fsync returned", rules: ["replacement-needs"], shows: ["f"],
            unfinished: 1, base: old,
            {
                replace(&$0)
                $0.fsync("f")
            },
            [
                .ext4: .seen("f=O8192 / f=N8192", never: "f=e"),
                .xfs: .seen("f=O8192 / f=N8192 / f=e"), .btrfs: .seen("f=O8192 / f=N8192 / f=e"),
            ]),
        Litmus(
            "P4b fsync tmp, rename over f", base: old,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 8192, "N")
                $0.fsync("tmp")
                $0.rename("tmp", "f")
            },
            .all(.only("f=O8192 tmp=N8192 / f=N8192"))),
        Litmus(
            "P4c fsync tmp, rename over f, fsync the directory", base: old,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 8192, "N")
                $0.fsync("tmp")
                $0.rename("tmp", "f")
                $0.fsync("/")
            }, .all(.only("f=N8192"))),
        Litmus(
            "P5 O_TRUNC, write, close", rules: ["U9"], base: old,
            {
                $0.truncate("f", 0)
                $0.write("f", 0, 8192, "N")
            },
            [
                .ext4: .seen("f=O8192 / f=N8192 / f=e / f=Z8192", never: "-"),
                .xfs: .only("f=O8192 / f=N8192 / f=e / f=N4096"),
                .btrfs: .only("f=O8192 / f=N8192 / f=e / f=N4096"),
            ]),
        Litmus(
            "P5b O_TRUNC, write, fsync", base: old,
            {
                $0.truncate("f", 0)
                $0.write("f", 0, 8192, "N")
                $0.fsync("f")
            }, .all(.only("f=N8192"))),
        Litmus(
            "P5c ftruncate 8K to 100", rules: ["tail-zeroing"], unit: 512, base: old,
            { $0.truncate("f", 100) },
            [
                .ext4: .seen("f=O8192 / f=O100 / f=O100Z3996O4096 / f=O2048Z2048O4096"),
                .xfs: .seen("f=O8192 / f=O100 / f=O100Z3996O4096 / f=O2048Z2048O4096"),
                .btrfs: .only("f=O8192 / f=O100"),
            ]),
    ]

    private static let appends = [
        Litmus(
            "rename g to h, append to f: growth brings the metadata before it",
            base: {
                $0.create("f")
                $0.write("f", 0, 4096, "O")
                $0.create("g")
                $0.write("g", 0, 4096, "P")
            },
            {
                $0.rename("g", "h")
                $0.append("f", 4096, "N")
            },
            .all(
                .seen(
                    "f=O4096 g=P4096 / f=O4096 h=P4096 / f=O4096N4096 h=P4096",
                    never: "f=O4096N4096 g=P4096 / f=O4096Z4096 g=P4096"))),
        Litmus(
            "P3 append 6000 to 5000",
            rules: ["growth-needs-data", "growth-needs-new-blocks", "lost-blocks-read"], unit: 512,
            base: {
                $0.create("f")
                $0.write("f", 0, 5000, "O")
            }, { $0.append("f", 6000, "N") },
            [
                .ext4: .seen(
                    "f=O5000 / f=O5000N3192 / f=O5000Z3192 / f=O5000N6000 / f=O5000N3192Z2808 / f=O5000Z3192N2808"
                ),
                .xfs: .only("f=O5000 / f=O5000N3192 / f=O5000N6000"),
                .btrfs: .only("f=O5000 / f=O5000N3192 / f=O5000N6000"),
            ]),
        Litmus(
            "P3b append, fdatasync",
            base: {
                $0.create("f")
                $0.write("f", 0, 5000, "O")
            },
            {
                $0.append("f", 6000, "N")
                $0.fdatasync("f")
            }, .all(.only("f=O5000N6000"))),
        Litmus(
            "P12 fallocate, fsync; pwrite, fdatasync",
            {
                $0.create("f")
                $0.allocate("f", 0..<8192, .extend)
                $0.fsync("f")
                $0.write("f", 0, 4096, "N")
                $0.fdatasync("f")
            }, .all(.only("f=N4096Z4096"))),
        Litmus(
            "P12 before the fdatasync returned: an unwritten block is new",
            rules: ["new-blocks-are-whole"], unit: 512,
            base: {
                $0.create("f")
                $0.allocate("f", 0..<8192, .extend)
            }, { $0.write("f", 0, 4096, "N") }, .all(.only("f=Z8192 / f=N4096Z4096"))),
    ]

    private static let overwrites = [
        Litmus(
            "P7 overwrite two blocks, fsync", base: old,
            {
                $0.write("f", 0, 8192, "N")
                $0.fsync("f")
            }, .all(.only("f=N8192"))),
        Litmus(
            "P7 before the fsync returned", rules: ["tearing"], unit: 512, base: old,
            { $0.write("f", 0, 8192, "N") },
            [
                .ext4: .seen(
                    "f=O8192 / f=N8192 / f=N4096O4096 / f=O4096N4096 / f=N2048O6144 / f=N512O7680 / f=O512N512O7168"
                ),
                .xfs: .seen(
                    "f=O8192 / f=N8192 / f=N4096O4096 / f=O4096N4096 / f=N2048O6144 / f=N512O7680"),
                .btrfs: .only("f=O8192 / f=N8192 / f=N4096O4096 / f=O4096N4096"),
            ]),
        Litmus(
            "P7b overwrite block 0, then block 2", rules: ["tearing", "everything-in-order"],
            base: {
                $0.create("f")
                $0.write("f", 0, 12288, "O")
            },
            {
                $0.write("f", 0, 4096, "N")
                $0.write("f", 8192, 4096, "M")
            },
            [
                .ext4: .seen(
                    "f=O12288 / f=N4096O8192 / f=O8192M4096 / f=N4096O4096M4096 / f=N2048O10240"),
                .xfs: .seen("f=O12288 / f=N4096O8192 / f=O8192M4096 / f=N4096O4096M4096"),
                .btrfs: .only("f=O12288 / f=N4096O8192 / f=O8192M4096 / f=N4096O4096M4096"),
            ]),
        Litmus(
            "P9b overwrite a, overwrite b, fsync b", rules: ["data-in-order", "sync-covers-all"],
            base: twoFiles,
            {
                $0.write("a", 0, 4096, "N")
                $0.write("b", 0, 4096, "M")
                $0.fsync("b")
            },
            [
                .ext4: .only(
                    "a=O4096 b=M4096 / a=N4096 b=M4096 / a=N2048O2048 b=M4096 / a=O2048N2048 b=M4096"
                ),
                .xfs: .only(
                    "a=O4096 b=M4096 / a=N4096 b=M4096 / a=N2048O2048 b=M4096 / a=O2048N2048 b=M4096"
                ),
                .btrfs: .only("a=O4096 b=M4096 / a=N4096 b=M4096"),
            ]),
    ]

    private static let names = [
        Litmus(
            "P6 link f to g", rules: ["names-are-durable-at-once"], base: old,
            { $0.link("f", "g") },
            .all(.only("f=O8192 / f=O8192 g=O8192"))),
        Litmus(
            "P6b link, fsync f", rules: ["fsync-covers-names"], base: old,
            {
                $0.link("f", "g")
                $0.fsync("f")
            }, .all(.only("f=O8192 g=O8192"))),
        Litmus(
            "P8 unlink", rules: ["names-are-durable-at-once"], base: old, { $0.unlink("f") },
            .all(.only("- / f=O8192"))),
        Litmus(
            "P8b unlink, fsync the directory", base: old,
            {
                $0.unlink("f")
                $0.fsync("/")
            }, .all(.only("-"))),
        Litmus(
            "P9 creat a, creat b, fsync b",
            rules: ["metadata-in-order", "lost-blocks-read", "sync-closes-order"],
            {
                $0.create("a")
                $0.write("a", 0, 8192, "N")
                $0.create("b")
                $0.write("b", 0, 4096, "M")
                $0.fsync("b")
            },
            [
                .ext4: .seen(
                    "a=e b=M4096 / a=Z8192 b=M4096 / a=N8192 b=M4096", never: "b=M4096 / -"),
                .xfs: .only("a=e b=M4096 / a=N4096 b=M4096 / a=N8192 b=M4096"),
                .btrfs: .only("b=M4096 / a=e b=M4096 / a=N4096 b=M4096 / a=N8192 b=M4096"),
            ]),
        Litmus(
            "P10 rename a to b, creat a, fsync a", rules: ["U2", "U4"],
            base: {
                $0.create("a")
                $0.write("a", 0, 4096, "O")
            },
            {
                $0.rename("a", "b")
                $0.create("a")
                $0.write("a", 0, 4096, "N")
                $0.fsync("a")
            }, .all(.only("a=N4096 b=O4096"))),
        Litmus(
            "P10 before the fsync returned", unfinished: 1,
            base: {
                $0.create("a")
                $0.write("a", 0, 4096, "O")
            },
            {
                $0.rename("a", "b")
                $0.create("a")
                $0.write("a", 0, 4096, "N")
                $0.fsync("a")
            },
            .all(.seen("a=N4096 b=O4096 / b=O4096 / a=e b=O4096 / a=O4096", never: "-"))),
        Litmus(
            "P11 mkdir s, creat s/f, fsync s/f", rules: ["fsync-covers-names"],
            {
                $0.makeDirectory("s")
                $0.create("s/f")
                $0.write("s/f", 0, 4096, "N")
                $0.fsync("s/f")
            }, .all(.only("s/f=N4096"))),
        Litmus(
            "P13 creat a, creat b",
            rules: [
                "metadata-in-order", "data-in-order", "names-are-durable-at-once",
                "everything-in-order",
            ],
            {
                $0.create("a")
                $0.write("a", 0, 4096, "N")
                $0.create("b")
                $0.write("b", 0, 4096, "M")
            },
            [
                .ext4: .seen(
                    "- / a=e / a=e b=e / a=Z4096 b=M4096 / a=N4096 b=e / a=N4096 b=M4096",
                    never: "b=e / b=M4096 / b=Z4096"),
                .xfs: .only(
                    "- / a=e / a=N4096 / a=e b=e / a=e b=M4096 / a=N4096 b=e / a=N4096 b=M4096"),
                .btrfs: .only(
                    "- / a=e / a=N4096 / a=e b=e / a=e b=M4096 / a=N4096 b=e / a=N4096 b=M4096"),
            ]),
        Litmus(
            "P14 rename x/f to y/f, fsync y", rules: ["U4", "rename-is-atomic"],
            shows: ["x/f", "y/f"], base: { moved(&$0) },
            {
                $0.rename("x/f", "y/f")
                $0.fsync("y")
            },
            [
                .ext4: .only("y/f=O4096"), .xfs: .only("y/f=O4096"),
                .btrfs: .only("x/f=O4096 y/f=O4096 / y/f=O4096"),
            ]),
        Litmus(
            "P14b rename x/f to y/f, fsync x", rules: ["U4"], shows: ["x/f", "y/f"],
            base: { moved(&$0) },
            {
                $0.rename("x/f", "y/f")
                $0.fsync("x")
            }, .all(.only("y/f=O4096"))),
    ]

    private static func moved(_ history: inout Life) {
        history.makeDirectory("x")
        history.makeDirectory("y")
        history.create("x/f")
        history.write("x/f", 0, 4096, "O")
    }
}
