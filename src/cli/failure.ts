/** Why a command ends without success, as an exit code that scripts can rely on. */
export const exitCodes = {
  /** The command was understood and could not be done. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** No server answers for this data directory. */
  noServer: 3,
  /** The thing asked for does not exist. */
  notFound: 4,
} as const;

/** Ends the command with a message for people (or `{"error": …}` with --json) and an exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}
