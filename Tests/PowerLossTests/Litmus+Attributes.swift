// Modes, owners, times and extended attributes. Source: as `Litmus+Patterns.swift`.
//
// Not here: that on xfs a time set by a program can survive a later write whose data is durable but whose own time is lost. Times that
// writes set are no effects.
extension Litmus {
    private static let old: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 8192, "O")
    }

    private static let oldAndG: @Sendable (inout Life) -> Void = {
        old(&$0)
        $0.create("g")
        $0.write("g", 0, 8192, "O")
    }

    static let attributes = single + ordered

    /// One attribute, then each kind of sync.
    private static let single: [Litmus] = {
        let base = old
        typealias Call = (
            name: String, letter: String, change: @Sendable (inout Life, String) -> Void
        )
        let calls: [Call] = [
            ("chmod", "m", { $0.chmod($1) }), ("chown", "u", { $0.chown($1) }),
            ("setxattr", "x", { $0.setxattr($1) }), ("utimens", "t", { $0.utimens($1) }),
        ]
        return calls.flatMap { call in
            let before = "f=O8192"
            let new = "f=O8192+\(call.letter)"
            let written = call.letter == "t" ? "f=N8192" : "f=N8192+\(call.letter)"
            let appended = call.letter == "t" ? "f=O8192N8192" : "f=O8192N8192+\(call.letter)"
            return [
                Litmus(
                    "\(call.name), nothing", base: base, { call.change(&$0, "f") },
                    .all(.only("\(before) / \(new)"))),
                Litmus(
                    "\(call.name), fdatasync", rules: ["fdatasync-covers-attributes"], base: base,
                    {
                        call.change(&$0, "f")
                        $0.fdatasync("f")
                    },
                    [.ext4: .only("\(before) / \(new)"), .xfs: .only(new), .btrfs: .only(new)]),
                Litmus(
                    "\(call.name), fsync", base: base,
                    {
                        call.change(&$0, "f")
                        $0.fsync("f")
                    }, .all(.only(new))),
                Litmus(
                    "\(call.name), overwrite 8K, fdatasync", base: base,
                    {
                        call.change(&$0, "f")
                        $0.write("f", 0, 8192, "N")
                        $0.fdatasync("f")
                    },
                    [
                        .ext4: .only("f=N8192 / f=N8192+\(call.letter)"),
                        .xfs: .only(written), .btrfs: .only(written),
                    ]),
                Litmus(
                    "\(call.name), append 8K, fdatasync", base: base,
                    {
                        call.change(&$0, "f")
                        $0.append("f", 8192, "N")
                        $0.fdatasync("f")
                    }, .all(.only(appended))),
            ]
        }
    }()

    private static let ordered = [
        Litmus(
            "chmod, setxattr, chown: in order", rules: ["U7"], base: old,
            {
                $0.chmod("f")
                $0.setxattr("f")
                $0.chown("f")
            }, .all(.only("f=O8192 / f=O8192+m / f=O8192+mx / f=O8192+mux"))),
        Litmus(
            "chmod f, rename g to h: in order", rules: ["metadata-in-order"], base: oldAndG,
            {
                $0.chmod("f")
                $0.rename("g", "h")
            }, .all(.only("f=O8192 g=O8192 / f=O8192+m g=O8192 / f=O8192+m h=O8192"))),
        Litmus(
            "rename g to h, chmod f: in order", rules: ["metadata-in-order"], base: oldAndG,
            {
                $0.rename("g", "h")
                $0.chmod("f")
            }, .all(.only("f=O8192 g=O8192 / f=O8192 h=O8192 / f=O8192+m h=O8192"))),
        Litmus(
            "rename g to h, chmod f, fsync f", rules: ["sync-closes-order"], base: oldAndG,
            {
                $0.rename("g", "h")
                $0.chmod("f")
                $0.fsync("f")
            },
            [
                .ext4: .only("f=O8192+m h=O8192"), .xfs: .only("f=O8192+m h=O8192"),
                .btrfs: .only("f=O8192+m g=O8192 / f=O8192+m h=O8192"),
            ]),
        Litmus(
            "setxattr f, chmod f, rename f to f2", rules: ["metadata-in-order"], base: old,
            {
                $0.setxattr("f")
                $0.chmod("f")
                $0.rename("f", "f2")
            }, .all(.only("f=O8192 / f=O8192+x / f=O8192+mx / f2=O8192+mx"))),
        Litmus(
            "chmod f, rename f to f2, fsync the directory",
            base: old,
            {
                $0.chmod("f")
                $0.rename("f", "f2")
                $0.fsync("/")
            },
            [
                .ext4: .only("f2=O8192+m"), .xfs: .only("f2=O8192+m"),
                .btrfs: .only("f2=O8192 / f2=O8192+m"),
            ]),
        Litmus(
            "chmod f, overwrite f", rules: ["data-brings-metadata"], base: old,
            {
                $0.chmod("f")
                $0.write("f", 0, 8192, "N")
            },
            [
                .ext4: .seen(
                    "f=N4096O4096+m / f=O8192 / f=N4096O4096 / f=O8192+m / f=N2048O6144 / f=N2048O6144+m"
                ),
                .xfs: .seen(
                    "f=N4096O4096+m / f=O8192 / f=N4096O4096 / f=O8192+m / f=N2048O6144 / f=N2048O6144+m"
                ),
                .btrfs: .seen(
                    "f=O8192 / f=O8192+m / f=N4096O4096+m", never: "f=N2048O6144 / f=N2048O6144+m"),
            ]),
        Litmus(
            "creat f, write, chmod, setxattr, fdatasync f",
            {
                $0.create("f")
                $0.write("f", 0, 8192, "N")
                $0.chmod("f")
                $0.setxattr("f")
                $0.fdatasync("f")
            },
            [
                .ext4: .only("f=N8192 / f=N8192+m / f=N8192+mx"), .xfs: .only("f=N8192+mx"),
                .btrfs: .only("f=N8192+mx"),
            ]),
        Litmus(
            "creat f, write, setxattr",
            {
                $0.create("f")
                $0.write("f", 0, 8192, "N")
                $0.setxattr("f")
            },
            [
                .ext4: .seen("f=N8192+x / - / f=N8192 / f=e+x / f=e / f=Z8192+x"),
                .xfs: .seen("- / f=N8192+x / f=e+x / f=N8192 / f=e", never: "f=Z8192+x"),
                .btrfs: .seen("- / f=N8192 / f=e+x / f=e / f=N8192+x", never: "f=Z8192+x"),
            ]),
    ]
}
