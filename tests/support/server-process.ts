/** A real `sagebrush up` in a process of its own, for stories that need one: to call over HTTP, to kill, to start again. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export class ServerProcess {
  readonly directory: string;
  readonly #flags: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #url = "";
  #problems = "";

  constructor(
    flags: readonly string[] = [],
    directory = mkdtempSync(join(tmpdir(), "sagebrush-story-")),
    environment: NodeJS.ProcessEnv = {},
  ) {
    this.directory = directory;
    this.#flags = flags;
    this.#environment = environment;
  }

  get url(): string {
    return this.#url;
  }

  /** What the server has written to standard error, over all its starts: empty unless something went wrong in it. */
  get problems(): string {
    return this.#problems;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get credentials(): { accessKeyId: string; secretAccessKey: string } {
    const file = join(this.directory, "root-credentials.json");
    const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
    return { accessKeyId, secretAccessKey };
  }

  /** Options for any client of the AWS SDK; one attempt, so that a test sees what the server said. */
  get clientOptions() {
    return {
      endpoint: this.#url,
      region: "us-east-1",
      credentials: this.credentials,
      maxAttempts: 1,
      forcePathStyle: true,
    };
  }

  /** Starts and waits for the announcement; the port is the same after a restart, as a user's would be. */
  async start(): Promise<void> {
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const child = spawn(
      process.execPath,
      [command, "up", "--json", "--port", port, "--data-dir", this.directory, ...this.#flags],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...this.#environment },
      },
    );
    const before = this.#problems.length;
    child.stderr.on("data", (chunk: Buffer) => (this.#problems += String(chunk)));
    let text = "";
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (text.includes("\n}\n")) break;
    }
    if (!text.includes("\n}\n"))
      throw new Error(`the server ended before it was ready: ${this.#problems.slice(before)}`);
    child.stdout.resume();
    this.#child = child;
    this.#url = (JSON.parse(text) as { url: string }).url;
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Files of the data directory, by relative path. */
  files(): string[] {
    const walk = (folder: string): string[] =>
      readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? walk(join(folder, entry.name)) : [relative(this.directory, join(folder, entry.name))],
      );
    return walk(this.directory);
  }
}

/** Processes, other than this one and its ancestors, whose command line or environment names the directory. Linux only. */
export function processesOf(directory: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (statSync(`/proc/${entry}`).uid !== process.getuid!()) continue;
      const commandLine = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const environment = readFileSync(`/proc/${entry}/environ`, "utf8");
      if (commandLine.includes(directory) || environment.includes(directory)) found.push({ pid, command: commandLine });
    } catch {
      // it ended while we looked
    }
  }
  return found;
}

export async function eventually<Result>(
  look: () => Promise<Result> | Result,
  done: (result: Result) => boolean,
  waitMs = 60_000,
): Promise<Result> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const result = await look();
    if (done(result)) return result;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(result)?.slice(0, 500)} after ${waitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
