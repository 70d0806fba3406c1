import Testing
import Workloads

/// A workload whose folder lies elsewhere than when its run was recorded.
@Suite("Another folder")
struct RelocationTests {
    private let relocation = Relocation(from: "/home/me/w", to: "/tmp/x")

    @Test(
        "a path is moved where it stands for the folder or something in it",
        arguments: [
            ("/home/me/w", "/tmp/x"), ("/home/me/w/put.sh", "/tmp/x/put.sh"),
            ("sh -c 'cd /home/me/w; ./a'", "sh -c 'cd /tmp/x; ./a'"),
            ("--dir=/home/me/w/d:/home/me/w", "--dir=/tmp/x/d:/tmp/x"),
            ("File \"/home/me/w/get.py\", line 1", "File \"/tmp/x/get.py\", line 1"),
            // Parts of other paths.
            ("/home/me/w2/put.sh", "/home/me/w2/put.sh"), ("/mnt/home/me/w", "/mnt/home/me/w"),
            ("/home/me/w.bak", "/home/me/w.bak"), ("/home/me/wide", "/home/me/wide"),
            ("", ""), ("/home/me", "/home/me"),
        ])
    func moves(text: String, moved: String) {
        #expect(relocation.moved(text) == moved)
        #expect(relocation.reversed.moved(moved) == text)
        #expect(Relocation(from: "/", to: "/tmp/x").moved(text) == text)
    }

    @Test("commands, servers and variables of a workload are moved")
    func workload() throws {
        var file = WorkloadFile(run: ["/home/me/w/run", "5"], observer: .serve(["./see"]))
        file.setup = ["sh", "-c", "/home/me/w/setup"]
        file.server = .init(command: ["/home/me/w/s"], ready: ["r", "/home/me/w"], stop: ["x"])
        file.environment = [try EnvironmentVariable("P=/home/me/w:/bin")]

        let moved = try Workload.adHoc(file, folder: "/tmp").moved(relocation).file

        #expect(moved.run == ["/tmp/x/run", "5"])
        #expect(moved.observer == .serve(["./see"]))
        #expect(moved.setup == ["sh", "-c", "/tmp/x/setup"])
        #expect(
            moved.server == .init(command: ["/tmp/x/s"], ready: ["r", "/tmp/x"], stop: ["x"]))
        #expect(moved.environment.map(\.text) == ["P=/tmp/x:/bin"])
    }

    @Test("a program of the same name and bytes is the same wherever it lies")
    func programs() {
        let then = WorkloadIdentity(text: "seed 1\nprogram /usr/bin/python3 17\nfolder 4")
        let change = { (text: String) in WorkloadIdentity(text: text).change(since: then) }

        #expect(change("seed 1\nprogram /opt/my programs/python3 17\nfolder 4") == nil)
        #expect(
            change("seed 1\nprogram /opt/python3 18\nfolder 4")
                == "changed since: the program /opt/python3, the program /usr/bin/python3")
        #expect(
            change("seed 1\nprogram /usr/bin/python3 18\nfolder 5")
                == "changed since: the files of its folder, the program /usr/bin/python3")
        #expect(
            change("seed 1\nfolder 4") == "changed since: the program /usr/bin/python3")
    }
}
