import Basics
import Glibc

/// Which stages can be had here. Each is tried, from mount to unmount.
package enum StageChoice {
    /// What stands in the way of a stage.
    package struct Obstacle: Error, Sendable, CustomStringConvertible {
        package let reason: String
        /// The one command that opens it; empty where none is known.
        package let remedy: String

        package init(_ reason: String, remedy: String = "") {
            self.reason = reason
            self.remedy = remedy
        }

        package var description: String { remedy.isEmpty ? reason : "\(reason): \(remedy)" }
    }

    /// What stands in the way of each stage that is better than the best one, and the best one; nil where there is none.
    ///
    /// Asked once: what is there does not change while the command runs.
    package static let best: (kind: StageKind?, obstacles: [(kind: StageKind, Obstacle)]) = {
        var obstacles: [(kind: StageKind, Obstacle)] = []
        for kind in StageKind.allCases {
            guard let obstacle = obstacle(to: kind) else { return (kind, obstacles) }
            obstacles.append((kind, obstacle))
        }
        return (nil, obstacles)
    }()

    /// - Throws: what stands in the way of all.
    package static func chosen() throws(HarnessError) -> StageKind {
        if let kind = best.kind { return kind }
        throw HarnessError(
            "no stage for programs can be had: "
                + best.obstacles.map { "\($0.kind.rawValue): \($0.1)" }.joined(separator: "; "))
    }

    /// nil: there is none.
    package static func obstacle(to kind: StageKind) -> Obstacle? {
        if kind == .root, geteuid() != 0 {
            return Obstacle("perjury is not run by root", remedy: "sudo perjury")
        }
        if let obstacle = deviceObstacle { return obstacle }
        do {
            let stage = try FuseStage(avoiding: "/", kind: kind)
            defer { stage.close() }
            try stage.tryMount()
            return nil
        } catch {
            return reason(kind, "\(error)")
        }
    }

    // MARK: Reasons

    private static var deviceObstacle: Obstacle? {
        if access("/dev/fuse", F_OK) != 0 {
            return Obstacle(
                "there is no /dev/fuse",
                remedy: isInContainer
                    ? "docker run --device /dev/fuse --cap-add SYS_ADMIN" : "sudo modprobe fuse")
        }
        if access("/dev/fuse", R_OK | W_OK) != 0 {
            return Obstacle("/dev/fuse may not be opened", remedy: "sudo chmod 666 /dev/fuse")
        }
        return nil
    }

    private static func reason(_ kind: StageKind, _ error: String) -> Obstacle {
        switch kind {
        case .root:
            return Obstacle(
                error,
                remedy:
                    "docker run --cap-add SYS_ADMIN --device /dev/fuse --security-opt apparmor=unconfined"
            )
        case .userNamespace:
            if let closed = closedUserNamespaces { return closed }
            if isOlder(than: (4, 18)) {
                return Obstacle(
                    "Linux \(release) is older than 4.18, the first that mounts FUSE in a user namespace"
                )
            }
            return Obstacle(
                error, remedy: isInContainer ? "docker run --security-opt seccomp=unconfined" : "")
        case .fusermount: return Obstacle(error)
        }
    }

    /// A switch of the kernel that keeps ordinary users from making one.
    private static var closedUserNamespaces: Obstacle? {
        let switches = [
            ("user.max_user_namespaces", "0", "10000"),
            ("kernel.unprivileged_userns_clone", "0", "1"),
            ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
        ]
        for (name, closed, open) in switches where kernelSetting(name) == closed {
            return Obstacle(
                "user namespaces are closed (\(name) is \(closed))",
                remedy: "sudo sysctl -w \(name)=\(open)")
        }
        return nil
    }

    private static func kernelSetting(_ name: String) -> String? {
        let path = "/proc/sys/" + name.replacing(".", with: "/")
        guard let file = try? Descriptor(opening: path, O_RDONLY),
            let bytes = try? file.readAll(limit: 64)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
            .map(String.init)
    }

    private static var isInContainer: Bool {
        access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0
    }

    private static var release: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static func isOlder(than version: (Int, Int)) -> Bool {
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return numbers.count == 2 && (numbers[0], numbers[1]) < version
    }
}
