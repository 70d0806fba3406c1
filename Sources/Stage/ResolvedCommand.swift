/// A command with its program found and its environment made.
package struct ResolvedCommand {
    package var arguments: [String]
    package var environment: [String: String]
    package var workingDirectory: String
    package var user: Keeper.User?

    package init(
        arguments: [String], environment: [String: String], workingDirectory: String,
        user: Keeper.User?
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
    }
}
