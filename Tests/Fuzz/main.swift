import Glibc

// perjury-fuzz [--seconds S] [--inputs N] [--seed N] [--keep FOLDER] [TARGET...]
// perjury-fuzz --repeat FILE TARGET
//
// Each target in turn, for S seconds or N inputs, in a process of its own, which is this program again. The input at hand
// lies in memory that both share: when the process dies or hangs, the input is kept in FOLDER and the rest goes on with the
// next seed. Exit status 1: some input was kept.

var options = FuzzOptions()
do {
    try options.parse(Array(CommandLine.arguments.dropFirst()))
} catch {
    complain("\(error)")
    exit(64)
}

if let file = options.repeated {
    let target = options.targets[0].make()
    guard let input = readFile(file) else {
        complain("\(file) cannot be read")
        exit(66)
    }
    SharedInput(descriptor: nil).hold(input) { target.run($0) }
    say("\(file): nothing happened")
} else if let descriptor = options.workerDescriptor {
    FuzzWorker(options, SharedInput(descriptor: descriptor)).run()
} else {
    exit(FuzzParent(options).run() ? 0 : 1)
}
