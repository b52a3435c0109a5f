/** Runs {@link runAlgorithm} as this process: its environment, standard output, SIGTERM and exit code. */
import { type AlgorithmRun, reportFailure, runAlgorithm, variables } from "./run.ts";

export async function startAlgorithm(load: (imageUri: string) => Promise<AlgorithmRun | undefined>): Promise<void> {
  const stop = new AbortController();
  process.on("SIGTERM", () => stop.abort(new Error("SIGTERM: the training job is being stopped")));
  const log = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  // An error that no caller awaits would otherwise end the process without a failure file.
  process.on("uncaughtException", (error) => {
    void reportFailure(process.env[variables.root] ?? "/opt/ml", error, log).then(() => exit(1));
  });
  exit(await runAlgorithm(load, process.env, log, stop.signal));
}

/** Ends the process once standard output is written; workers of the algorithm may still be there. */
function exit(code: number): void {
  process.stdout.write("", () => process.exit(code));
}
