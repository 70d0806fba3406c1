// RENAME_EXCHANGE, O_TMPFILE, directories, and names by fdatasync. Source: as `Litmus+Patterns.swift`.
extension Litmus {
    static let directories = exchanges + unnamed + directoryRenames + namesByDataSync

    private static let ab: @Sendable (inout Life) -> Void = {
        $0.create("a")
        $0.write("a", 0, 4096, "O")
        $0.create("b")
        $0.write("b", 0, 4096, "P")
    }

    private static let xayb: @Sendable (inout Life) -> Void = {
        $0.makeDirectory("x")
        $0.makeDirectory("y")
        $0.create("x/a")
        $0.write("x/a", 0, 4096, "O")
        $0.create("y/b")
        $0.write("y/b", 0, 4096, "P")
    }

    private static let exchanged = "a=P4096 b=O4096"
    private static let either = "a=P4096 b=O4096 / a=O4096 b=P4096"

    private static let exchanges: [Litmus] =
        [
            Litmus(
                "EXCHANGE a, b; nothing", rules: ["U4"], base: ab, { $0.exchange("a", "b") },
                .all(.only(either))),
            Litmus(
                "EXCHANGE a, b; fdatasync a", base: ab,
                {
                    $0.exchange("a", "b")
                    $0.fdatasync("a")
                }, [.ext4: .only(either), .xfs: .only(either), .btrfs: .only(exchanged)]),
            Litmus(
                "EXCHANGE x/a, y/b; nothing", base: xayb, { $0.exchange("x/a", "y/b") },
                .all(.only("x/a=P4096 y/b=O4096 / x/a=O4096 y/b=P4096"))),
            Litmus(
                "creat tmp, write, EXCHANGE tmp, a",
                base: {
                    $0.create("a")
                    $0.write("a", 0, 8192, "O")
                },
                {
                    $0.create("tmp")
                    $0.write("tmp", 0, 8192, "N")
                    $0.exchange("tmp", "a")
                },
                [
                    .ext4: .seen(
                        "a=N8192 tmp=O8192 / a=O8192 / a=O8192 tmp=N8192 / a=e tmp=O8192 / a=Z8192 tmp=O8192 / a=O8192 tmp=e / a=O8192 tmp=Z8192"
                    ),
                    .xfs: .seen(
                        "a=O8192 / a=N8192 tmp=O8192 / a=e tmp=O8192 / a=O8192 tmp=N8192 / a=O8192 tmp=e",
                        never: "a=Z8192 tmp=O8192"),
                    .btrfs: .seen(
                        "a=O8192 / a=N8192 tmp=O8192 / a=e tmp=O8192 / a=O8192 tmp=N8192 / a=O8192 tmp=e",
                        never: "a=Z8192 tmp=O8192"),
                ]),
        ]
        + ["a", "/"].map { synced in
            Litmus(
                "EXCHANGE a, b; fsync \(synced)", base: ab,
                {
                    $0.exchange("a", "b")
                    $0.fsync(synced)
                }, .all(.only(exchanged)))
        }
        + ["x", "y", "x/a"].map { synced in
            Litmus(
                "EXCHANGE x/a, y/b; fsync \(synced)", base: xayb,
                {
                    $0.exchange("x/a", "y/b")
                    $0.fsync(synced)
                }, .all(.only("x/a=P4096 y/b=O4096")))
        }

    private static func tmpfile(_ history: inout Life) {
        history.createUnnamed("t")
        history.write("t", 0, 8192, "N")
    }

    private static let unnamed = [
        Litmus(
            "O_TMPFILE, write, linkat; nothing",
            {
                tmpfile(&$0)
                $0.link("t", "f")
            },
            [
                .ext4: .seen("f=N8192 / - / f=e / f=Z8192"),
                .xfs: .only("- / f=N8192 / f=e / f=N4096"),
                .btrfs: .only("- / f=N8192 / f=e / f=N4096"),
            ]),
        Litmus(
            "O_TMPFILE, write, linkat; fsync the file",
            {
                tmpfile(&$0)
                $0.link("t", "f")
                $0.fsync("t")
            }, .all(.only("f=N8192"))),
        Litmus(
            "O_TMPFILE, write, linkat; fdatasync the file",
            {
                tmpfile(&$0)
                $0.link("t", "f")
                $0.fdatasync("t")
            }, .all(.only("f=N8192"))),
        Litmus(
            "O_TMPFILE, write, linkat; fsync the directory",
            {
                tmpfile(&$0)
                $0.link("t", "f")
                $0.fsync("/")
            },
            [
                .ext4: .seen("f=e / f=N8192 / f=Z8192", never: "-"),
                .xfs: .only("f=e / f=N4096 / f=N8192"), .btrfs: .only("f=e / f=N4096 / f=N8192"),
            ]),
        Litmus(
            "O_TMPFILE, write, fsync, linkat; nothing",
            {
                tmpfile(&$0)
                $0.fsync("t")
                $0.link("t", "f")
            }, .all(.only("f=N8192 / -"))),
        Litmus(
            "O_TMPFILE, write, fsync, linkat; fsync the file",
            {
                tmpfile(&$0)
                $0.fsync("t")
                $0.link("t", "f")
                $0.fsync("t")
            }, .all(.only("f=N8192"))),
        Litmus(
            "O_TMPFILE, write, fsync, linkat; fsync the directory",
            {
                tmpfile(&$0)
                $0.fsync("t")
                $0.link("t", "f")
                $0.fsync("/")
            }, .all(.only("f=N8192"))),
    ]

    private static let d1: @Sendable (inout Life) -> Void = {
        $0.makeDirectory("d1")
        $0.create("d1/f")
        $0.write("d1/f", 0, 4096, "O")
    }

    private static let d1d2: @Sendable (inout Life) -> Void = {
        d1(&$0)
        $0.makeDirectory("d2")
    }

    private static let xd: @Sendable (inout Life) -> Void = {
        $0.makeDirectory("x")
        $0.makeDirectory("y")
        $0.makeDirectory("x/d")
        $0.create("x/d/f")
        $0.write("x/d/f", 0, 4096, "O")
    }

    private static let directoryRenames: [Litmus] =
        [
            Litmus(
                "rename d1 to d2; nothing", rules: ["U4"], base: d1, { $0.rename("d1", "d2") },
                .all(.only("d2/f=O4096 / d1/f=O4096"))),
            Litmus(
                "rename d1 to d2; fsync d2/f, which is clean", base: d1,
                {
                    $0.rename("d1", "d2")
                    $0.fsync("d2/f")
                }, .all(.only("d2/f=O4096 / d1/f=O4096"))),
            Litmus(
                "rename d1 to d2; overwrite and fdatasync d2/f", base: d1,
                {
                    $0.rename("d1", "d2")
                    $0.write("d2/f", 0, 4096, "N")
                    $0.fdatasync("d2/f")
                }, .all(.only("d2/f=N4096 / d1/f=N4096"))),
            Litmus(
                "creat d1/n, rename d1 to d2; fsync d2/n", base: d1,
                {
                    $0.create("d1/n")
                    $0.write("d1/n", 0, 4096, "N")
                    $0.rename("d1", "d2")
                    $0.fsync("d2/n")
                }, .all(.only("d2/f=O4096 d2/n=N4096 / d1/f=O4096 d1/n=N4096"))),
            Litmus(
                "rename x/d to y/d; nothing", base: xd, { $0.rename("x/d", "y/d") },
                .all(.only("x/ y/d/f=O4096 / x/d/f=O4096 y/"))),
            Litmus(
                "rename x/d to y/d; fsync y/d/f", base: xd,
                {
                    $0.rename("x/d", "y/d")
                    $0.fsync("y/d/f")
                }, .all(.only("x/ y/d/f=O4096 / x/d/f=O4096 y/"))),
            Litmus(
                "rename d1 over an empty d2; nothing", base: d1d2, { $0.rename("d1", "d2") },
                .all(.only("d2/f=O4096 / d1/f=O4096 d2/"))),
            Litmus(
                "mkdir n, creat n/f, fsync n/f, rename n over an empty d2",
                base: { $0.makeDirectory("d2") },
                {
                    $0.makeDirectory("n")
                    $0.create("n/f")
                    $0.write("n/f", 0, 4096, "N")
                    $0.fsync("n/f")
                    $0.rename("n", "d2")
                }, .all(.only("d2/f=N4096 / d2/ n/f=N4096"))),
        ]
        + ["d2", "/"].flatMap { synced in
            [
                Litmus(
                    "rename d1 to d2; fsync \(synced)", base: d1,
                    {
                        $0.rename("d1", "d2")
                        $0.fsync(synced)
                    }, .all(.only("d2/f=O4096"))),
                Litmus(
                    "rename d1 over an empty d2; fsync \(synced)", base: d1d2,
                    {
                        $0.rename("d1", "d2")
                        $0.fsync(synced)
                    }, .all(.only("d2/f=O4096"))),
            ]
        }
        + ["x", "y", "y/d"].map { synced in
            Litmus(
                "rename x/d to y/d; fsync \(synced)", base: xd,
                {
                    $0.rename("x/d", "y/d")
                    $0.fsync(synced)
                }, .all(.only("x/ y/d/f=O4096")))
        }

    private static let f: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 4096, "O")
    }

    private static let namesByDataSync = [
        Litmus(
            "rename f to g, fdatasync g", rules: ["fdatasync-covers-names"], base: f,
            {
                $0.rename("f", "g")
                $0.fdatasync("g")
            },
            [
                .ext4: .only("g=O4096 / f=O4096"), .xfs: .only("g=O4096"),
                .btrfs: .only("g=O4096"),
            ]),
        Litmus(
            "rename f to g, fsync g", base: f,
            {
                $0.rename("f", "g")
                $0.fsync("g")
            }, .all(.only("g=O4096"))),
        Litmus(
            "link f to g, fdatasync f", rules: ["fdatasync-covers-names"], base: f,
            {
                $0.link("f", "g")
                $0.fdatasync("f")
            },
            [
                .ext4: .only("f=O4096 g=O4096 / f=O4096"), .xfs: .only("f=O4096 g=O4096"),
                .btrfs: .only("f=O4096 g=O4096"),
            ]),
        Litmus(
            "write tmp, fsync tmp, rename over f, fdatasync f", base: f,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 8192, "N")
                $0.fsync("tmp")
                $0.rename("tmp", "f")
                $0.fdatasync("f")
            },
            [
                .ext4: .only("f=N8192 / f=O4096 tmp=N8192"), .xfs: .only("f=N8192"),
                .btrfs: .only("f=N8192"),
            ]),
        Litmus(
            "write tmp, rename over f, fdatasync f", base: f,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 8192, "N")
                $0.rename("tmp", "f")
                $0.fdatasync("f")
            },
            [
                .ext4: .only("f=N8192 / f=O4096 tmp=N8192"), .xfs: .only("f=N8192"),
                .btrfs: .only("f=N8192"),
            ]),
        Litmus(
            "creat an empty f, fdatasync f",
            {
                $0.create("f")
                $0.fdatasync("f")
            }, .all(.only("f=e"))),
        Litmus(
            "creat an empty f, fsync f",
            {
                $0.create("f")
                $0.fsync("f")
            }, .all(.only("f=e"))),
        Litmus(
            "mkdir d, fsync d",
            {
                $0.makeDirectory("d")
                $0.fsync("d")
            }, .all(.only("d/"))),
        Litmus(
            "open f, unlink f, fsync the descriptor", base: f,
            {
                $0.hold("f", as: "descriptor")
                $0.unlink("f")
                $0.fsync("descriptor")
            }, .all(.only("-"))),
    ]
}
