import Basics
import Glibc
import Testing
import Workloads

/// A mount namespace that goes on, in which the command is an ordinary user's: /dev/fuse is open there, and whatever the
/// command leaves mounted stays and is seen.
extension Bench {
    static let nobody: uid_t = 65534

    /// - Parameter change: what root does to the room, as a shell's text.
    /// - Returns: the catalogue's folder, as it is called in there.
    func enterRoom(_ change: String = ":") throws -> String {
        let catalogue = try #require(Catalogue.defaultFolder)
        let runtime = folder.file("runtime")
        mkdir(runtime, 0o700)
        for path in [folder.path, runtime] { chown(path, Self.nobody, Self.nobody) }
        let keeper = try #require(keeper)
        unlink(keeper)
        try #require(symlink("/media/p/perjury-keeper", keeper) == 0)
        // The products and the catalogue may lie where others have no way in.
        try script(
            "room",
            """
            mount -t tmpfs room /media && chmod 755 /media && mkdir /media/p /media/w &&
            mount --bind '\(products)' /media/p && mount --bind '\(catalogue)' /media/w &&
            mknod /media/fuse c 10 229 && chmod 666 /media/fuse && mount --bind /media/fuse /dev/fuse || exit 1
            XDG_RUNTIME_DIR='\(runtime)'
            \(change)
            : >'\(folder.path)/is-ready'
            exec sleep 600
            """)
        try script(
            "without-user-namespaces",
            """
            unshare -Um --propagation private sh -c 'kill -STOP $$; exec sh -c "$@"' sh '
                echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$@" &
            until grep -q "^State:.T" /proc/$!/status; do sleep 0.01; done
            for map in uid_map gid_map; do echo "0 0 65536" >/proc/$!/$map; done
            kill -CONT $!
            wait $!
            """)
        room = try Self.spawn(
            ["unshare", "-m", "--propagation", "private", folder.file("room")],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        isOrdinaryUser = true
        try #require(
            eventually(within: 20) { access(self.folder.file("is-ready"), F_OK) == 0 },
            "the room cannot be made")
        return "/media/w"
    }

    func leaveRoom() {
        guard room != 0 else { return }
        kill(room, SIGKILL)
        waitpid(room, nil, 0)
    }

    /// What comes before the command, so that it is run in the room.
    var wayIn: [String] {
        guard room != 0 else { return [] }
        var words = ["nsenter", "--target", "\(room)", "--mount"]
        if !hasUserNamespaces { words.append(folder.file("without-user-namespaces")) }
        if isOrdinaryUser {
            words += [
                "setpriv", "--reuid=\(Self.nobody)", "--regid=\(Self.nobody)", "--clear-groups",
                "--inh-caps=-all",
            ]
        }
        return words
    }

    var roomMounts: [String] { Leftovers.fuseMounts(of: "\(room)") }

    /// What is in the user's runtime folder. A place that is empty is none: where a command is killed between making it and
    /// starting who guards it, the next one takes and removes it.
    var placesInRoom: [String] {
        guard room != 0 else { return [] }
        let runtime = folder.file("runtime")
        return (namesInFolder(runtime) ?? []).flatMap { folder in
            (namesInFolder("\(runtime)/\(folder)") ?? []).flatMap { place in
                (namesInFolder("\(runtime)/\(folder)/\(place)") ?? []).map { "\(place)/\($0)" }
            }
        }
    }
}
